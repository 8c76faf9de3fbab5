"""Lo que nos toca a nosotros de cada página, la construya Quarto o smalldocs.

Antes de construirlas, con procesadores de nbdev (`PROCS`): el código exportado se pliega fuera de
las lecciones, los enlaces «source» se llaman «código», y se quita lo que haría cargar guiones
de otro sitio. Después, sobre el HTML (`polish`): nombres para las zonas de la página que repiten
papel, celdas de cabecera vacías, y nada de terceros. Y al final el buscador (`write_search`), que
aquí busca en la prosa y no en el código.
"""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

# ---- antes: procesadores de nbdev, uno tras otro, sobre cada cuaderno


class Step:
    "Un procesador como los de nbdev: `begin`, una llamada por celda, y `end`."

    def __init__(self, nb):
        self.nb = nb

    def __call__(self, cell):
        "Lo que hace con cada celda; si no se dice otra cosa, nada."


class FoldExports(Step):
    "Pliega las celdas `#| exports`, salvo en las lecciones, donde sus funciones cortas se leen."

    def begin(self):
        "Mira si el cuaderno es una lección."
        self.lesson = Path(self.nb.path_).parent.name == "tutorial"

    def __call__(self, cell):
        "Pliega una celda, con el nombre de lo que define a la vista."
        if self.lesson or cell.cell_type != "code" or "exports" not in cell.directives_:
            return
        if "code-fold:" in cell.source:
            return
        defined = r"^(?:(?:async )?def |class )(\w+)|^(\w+)(?:: [^=\n]+)? = "
        names = [a or b for a, b in re.findall(defined, cell.source, re.MULTILINE)]
        summary = "Código de " + ", ".join(names[:3]) if names else "Importaciones"
        cell.source = f'#| code-fold: true\n#| code-summary: "{summary}"\n{cell.source}'


def say_source(cell):
    "El enlace de nbdev al código de cada función, en español."
    for output in cell.get("outputs", []):
        text = output.get("data", {}).get("text/markdown")
        if text:
            output["data"]["text/markdown"] = re.sub(r"^\[source\]\(", "[código](", "".join(text), flags=re.M)


class DropWidgets(Step):
    "Quita el estado de los *widgets*: no hay ninguno, y por él se cargarían guiones de otro sitio."

    def end(self):
        "Lo quita cuando el cuaderno ya está procesado."
        self.nb.metadata.pop("widgets", None)


PROCS = "pages:FoldExports pages:say_source pages:DropWidgets"

# ---- después: el HTML

# Las zonas de navegación, por lo que las distingue, y el nombre que lee un lector de pantalla
LANDMARKS = {
    'id="quarto-sidebar"': "Todas las páginas",
    'id="TOC"': "En esta página",
    "page-navigation": "Página anterior y siguiente",
    "quarto-secondary-nav": "Abrir el índice",
    "quarto-page-breadcrumbs": "Dónde estás",
    "navbar": "Principal",
}
THIRD_PARTY = r"""(?:https?:)?//[^"'\s)>]+"""
# Lo que carga el navegador sin que nadie pulse: guiones, hojas de estilo, letras, imágenes
LOADS = [
    re.compile(rf"""<(?:script|img|iframe|source|embed)\b[^>]*?\b(?:src|srcset)=["']({THIRD_PARTY})"""),
    re.compile(
        rf"""<link\b(?=[^>]*\brel=["'](?:stylesheet|icon|preload|modulepreload|preconnect)["'])[^>]*?\bhref=["']({THIRD_PARTY})"""
    ),
    re.compile(rf"""(?:@import\s*(?:url\()?|\burl\()\s*["']?({THIRD_PARTY})"""),
]
# Lo que smalldocs dice en inglés; Quarto ya lo dice según `lang`
ENGLISH = {
    ">View source<": ">Ver el cuaderno<",
    "> View source<": "> Ver el cuaderno<",
    "> Report an issue<": "> Avisar de un problema<",
    "> Back to top<": "> Volver arriba<",
    'title="Toggle dark mode"': 'title="Claro u oscuro" aria-label="Claro u oscuro"',
    'placeholder="Search" aria-label="Search"': 'placeholder="Buscar" aria-label="Buscar"',
    'aria-label="Toggle navigation"': 'aria-label="Abrir el menú"',
    'aria-label="Toggle sidebar navigation"': 'aria-label="Abrir el índice de páginas"',
    'aria-label="Toggle section"': 'aria-label="Abrir o cerrar el apartado"',
}


def name_landmark(
    match: re.Match,  # una etiqueta <nav …>
) -> str:  # la misma, con nombre
    "Pone `aria-label` a una zona de navegación que no lo tenga, para que no haya dos iguales."
    tag = match[0]
    label = next((name for mark, name in LANDMARKS.items() if mark in tag), None)
    return tag if label is None or "aria-label" in tag else f'{tag[:-1]} aria-label="{label}">'


def polish_markup(
    text: str,  # un trozo de página, sin guiones
) -> str:  # el mismo, acabado
    "Zonas con nombre, cabeceras sin huecos, fórmulas con letras, y todo lo que se desliza, con teclado."
    text = re.sub(r'<span class="math inline">\\\((.*?)\\\)</span>', plain_formula, text)
    text = re.sub(r"<th\b([^>]*)>\s*</th>", r"<td\1></td>", text)
    text = re.sub(r"<nav\b[^>]*>", name_landmark, text)
    text = re.sub(r'(<a\b[^>]*?) role="navigation"', r'\1 role="button" tabindex="0"', text)
    text = re.sub(r"<pre><code>(.*?)</code></pre>", mark_table, text, flags=re.S)
    text = re.sub(r'<pre(?= class="sourceCode)', '<pre tabindex="0"', text)  # lo que se desliza, con teclado
    text = re.sub(r"<table(?![^>]*tabindex)", '<table tabindex="0"', text)
    text = text.replace(
        '<div id="quarto-margin-sidebar"', '<div role="complementary" id="quarto-margin-sidebar"'
    )
    for english, spanish in ENGLISH.items():
        text = text.replace(english, spanish)
    return text


def polish_html(
    text: str,  # una página
    cover: bool = False,  # ¿es la portada?
) -> str:  # la misma, acabada
    "Sin terceros, sin cabeceras vacías, sin zonas del mismo nombre y sin fórmulas que necesiten un guion."
    text = re.sub(rf"<script\b[^>]*\bsrc=[\"']{THIRD_PARTY}[\"'][^>]*>\s*</script>\n?", "", text)
    text = re.sub(
        rf"<link\b[^>]*\bhref=[\"']{THIRD_PARTY}[^>]*\brel=[\"'](?:stylesheet|preconnect)[\"'][^>]*>\n?",
        "",
        text,
    )
    text = re.sub(
        rf"<link\b[^>]*\brel=[\"'](?:stylesheet|preconnect)[\"'][^>]*\bhref=[\"']{THIRD_PARTY}[^>]*>\n?",
        "",
        text,
    )
    text = re.sub(r"<script\b[^>]*>\s*define\('jquery'.*?</script>\n?", "", text, flags=re.S)
    parts = re.split(r"(<script\b.*?</script>)", text, flags=re.S)  # dentro de un guion no se toca nada
    text = "".join(part if part.startswith("<script") else polish_markup(part) for part in parts)
    if cover:
        text = re.sub(r'<body class="', '<body class="portada ', text, count=1)
    return text


def mark_table(
    match: re.Match,  # un resultado de texto
) -> str:  # el mismo, marcado si es una tabla
    "Una tabla hecha con espacios no se puede partir en líneas: tendrá su barra."
    rows = [line for line in match[1].splitlines() if re.search(r"\S {2,}\S.*? {2,}\S", line)]
    return match[0].replace("<pre", '<pre class="tabla" tabindex="0"', 1) if len(rows) > 2 else match[0]


def plain_formula(
    match: re.Match,  # una fórmula corta, en TeX
) -> str:  # la misma, en cursiva
    "Las pocas fórmulas que tenemos se escriben con letras: `-\\bar z` es −z̄."
    formula = re.sub(r"\\bar\s*(\w)", "\\1\u0304", match[1]).replace("-", "−")
    return f'<em class="formula">{formula}</em>'


def polish(
    docs: Path,  # carpeta del sitio construido
) -> None:
    "Da el último repaso a las páginas y a las hojas de estilo."
    for page in docs.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(polish_html(text, cover=page == docs / "index.html"), encoding="utf-8")
    for sheet in docs.rglob("*.css"):  # las letras que los temas piden a otro sitio
        text = sheet.read_text(encoding="utf-8")
        clean = re.sub(rf"""@import\s*(?:url\()?\s*["']?{THIRD_PARTY}["']?\s*\)?[^;{{}}]*;""", "", text)
        if clean != text:
            sheet.write_text(clean, encoding="utf-8")


def third_parties(
    docs: Path,  # carpeta del sitio construido
    url: str,  # dirección del sitio publicado
) -> list:  # una línea por cada cosa que el navegador pediría a otro
    "Busca en las páginas y en las hojas de estilo lo que se carga de otro sitio."
    found = []
    for file in sorted(f for f in docs.rglob("*") if f.suffix in (".html", ".css")):
        text = file.read_text(encoding="utf-8")
        loads = {m for pattern in LOADS for m in pattern.findall(text)}
        found += [
            f"{file.relative_to(docs)}: carga {load}" for load in sorted(loads) if not load.startswith(url)
        ]
    return found


# ---- el buscador

# Palabras con las que alguien buscaría una página y que no están en su título
SEARCH_WORDS = {
    "tutorial/dataset": "descargar fotos Kaggle",
    "tutorial/embedding": "vector característica red neuronal ResNet",
    "tutorial/kmeans": "clustering agrupamiento grupos",
    "tutorial/tsne": "mapa t-SNE proyección",
    "tutorial/evaluation": "evaluación aciertos nota",
    "tutorial/persistence": "guardar cargar modelo pickle skops",
    "tool/commands/train": "ordenar fotos en carpetas, agrupar mis fotos",
    "tool/commands/predict": "ordenar fotos en carpetas, organizar, repartir",
    "tool/commands/download": "bajar descargar fotos",
    "tool/commands/explore": "fotos repetidas duplicadas estropeadas",
    "tool/commands/evaluate": "medir un modelo, evaluación con fotos nuevas",
    "tool/troubleshooting": "no me funciona error problema fallo mensaje ayuda",
    "tool/teaching": "profesora profesor clase aula sesiones ejercicios",
    "further/glossary": "qué significa definición término",
}
SKIPPED = {"pre", "script", "style", "svg", "nav", "summary", "button", "figure"}
HEADINGS = {"h1", "h2", "h3", "h4"}


class Prose(HTMLParser):
    "La prosa de una página, por apartados: sin código, sin salidas y sin lo plegado."

    def __init__(self, text: str):
        super().__init__()
        self.title, self.sections = "", [["", "", ""]]  # ancla, título, texto
        self.stack, self.ids, self.heading = [], [], None
        self.feed(text)

    def inside(self, *names) -> bool:
        "¿Estamos dentro de alguna de estas etiquetas?"
        return any(name in names for name, _ in self.stack)

    def skipping(self) -> bool:
        "¿Estamos en algo que no se busca: código, su resultado, una tabla de parámetros?"
        return any(name in SKIPPED or skip for name, skip in self.stack)

    def handle_starttag(self, tag, attrs):
        "Apila la etiqueta; un título abre apartado."
        attrs = dict(attrs)
        classes = (attrs.get("class") or "").split()
        if tag in ("br", "img", "hr", "input", "meta", "link", "source", "wbr", "col"):
            return
        if tag == "section":
            self.ids.append(attrs.get("id", ""))
        if tag in HEADINGS and self.inside("main") and not self.skipping():
            self.heading = tag
            if tag != "h1":
                self.sections.append([attrs.get("id") or (self.ids[-1] if self.ids else ""), "", ""])
        code = tag == "details" and "code-fold" in classes
        output = "cell-output" in classes and "cell-output-markdown" not in classes
        self.stack.append((tag, code or output or "dataframe" in classes))

    def handle_endtag(self, tag):
        "Desapila hasta su etiqueta."
        if any(name == tag for name, _ in self.stack):
            while self.stack.pop()[0] != tag:
                pass
        if tag == "section" and self.ids:
            self.ids.pop()
        if tag == self.heading:
            self.heading = None
        elif self.sections[-1][2] and not self.sections[-1][2].endswith(" "):
            self.sections[-1][2] += " " if tag in ("p", "li", "td", "div", "section") else ""

    def handle_data(self, data):
        "El texto va al título de la página, al de un apartado o a su prosa."
        if not self.inside("main") or self.skipping():
            return
        if self.heading == "h1":
            self.title += data
        elif self.heading:
            self.sections[-1][1] += data
        else:
            self.sections[-1][2] += data


def search_entries(
    page: str,  # la página, desde la raíz del sitio
    text: str,  # su HTML
) -> list:  # sus entradas del buscador
    "Una entrada por página, con su resumen y las palabras con que se buscaría, y una por apartado."
    prose = Prose(text)
    title = " ".join(prose.title.split())
    words = SEARCH_WORDS.get(page.removesuffix(".html"), "")
    entries = []
    for anchor, section, body in prose.sections:
        href = f"{page}#{anchor}" if anchor else page
        section, body = " ".join(section.split()), " ".join(body.split())
        entries.append({"objectID": href, "href": href, "title": title, "section": section, "text": body})
    if words:  # una entrada corta, que es la que sale primero
        first = {"objectID": f"{page}#", "href": page, "title": title, "section": words, "text": ""}
        entries.insert(0, first)
    return [entry for entry in entries if entry["section"] or entry["text"] or len(entries) == 1]


def write_search(
    docs: Path,  # carpeta del sitio construido
) -> None:
    "Escribe `search.json`, el mismo para Quarto y para smalldocs: títulos, apartados y prosa."
    old = json.loads((docs / "search.json").read_text(encoding="utf-8"))
    crumbs = {entry["href"].partition("#")[0]: entry["crumbs"] for entry in old if "crumbs" in entry}
    entries = []
    for file in sorted(docs.rglob("*.html")):
        page = file.relative_to(docs).as_posix()
        if page == "404.html" or page.startswith("site_libs/"):
            continue
        for entry in search_entries(page, file.read_text(encoding="utf-8")):
            entries.append(entry | ({"crumbs": crumbs[page]} if page in crumbs else {}))
    (docs / "search.json").write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")


def search_problems(
    docs: Path,  # carpeta del sitio construido
) -> list:  # una línea por problema
    "El buscador no guarda código, nombra todas las páginas y conoce las palabras de `SEARCH_WORDS`."
    entries = json.loads((docs / "search.json").read_text(encoding="utf-8"))
    text = {}
    for entry in entries:
        page = entry["href"].partition("#")[0]
        text[page] = text.get(page, "") + f" {entry['title']} {entry['section']} {entry['text']}"
    code = re.compile(r"\bdef \w+\(|^import |Exported source|show_doc\(")
    pages = {f.relative_to(docs).as_posix() for f in docs.rglob("*.html")} - {"404.html"}
    pages = {p for p in pages if not p.startswith("site_libs/")}
    return (
        [f"search.json: {page} tiene código" for page, words in text.items() if code.search(words)]
        + [f"search.json: falta {page}" for page in sorted(pages - set(text))]
        + [f"search.json: {e['href']} no tiene título" for e in entries if not e["title"]]
    )
