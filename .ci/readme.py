"""Escribe README.md a partir de nbs/index.ipynb, sin Quarto.

    python .ci/readme.py

Es el único camino: a nbdev no le decimos de qué cuaderno sale (`readme_nb`), porque el suyo, con
Quarto, lleva tres enlaces que no van a ninguna parte y un `<style>`. Pasamos el cuaderno por los
procesadores de nbdev, que quitan las celdas ocultas y enlazan los nombres del paquete, y lo
escribimos en el Markdown de GitHub. Los enlaces a otros cuadernos llevan al sitio publicado, cuya
dirección sale de settings.ini; los de la propia página, a su apartado; y los de archivos del proyecto,
que en el sitio llevan al repositorio, son aquí relativos: valen en cualquier copia, y se comprueba que
el archivo está. La figura de la portada, que puede tener fotos, se cambia por la de dibujos de `cover.py`.
"""

import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

from website import COVER, COVER_ALT, page_name, settings, site_url

INDEX = "index.ipynb"
NOTEBOOK_LINK = re.compile(r"\]\((?:\./)?([\w/-]+\.ipynb)(#[^)\s]*)?\)")


def processed_index(root: Path):  # carpeta del proyecto → cuaderno tal y como lo recibe Quarto
    "Pasa index.ipynb por los procesadores de nbdev."
    from execnb.nbio import read_nb
    from nbdev.processors import FilterDefaults

    os.chdir(root)  # nbdev busca settings.ini desde la carpeta actual
    nb = read_nb(root / "nbs" / INDEX)
    FilterDefaults()(nb)
    return nb


def cell_options(
    source: str,  # código de una celda
) -> tuple:  # sus opciones `#|` en un diccionario, y el código sin ellas
    "Separa de una celda las opciones de Quarto, que van en sus primeras líneas."
    lines = source.splitlines()
    options = {}
    while lines and lines[0].startswith("#|"):
        key, _, value = lines.pop(0)[2:].partition(":")
        options[key.strip()] = value.strip()
    return options, "\n".join(lines).strip("\n")


class Table(HTMLParser):
    "Las filas de una tabla de pandas: una lista de textos por fila."

    def __init__(self, text: str):
        super().__init__()
        self.rows, self.cell = [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        "Cada `tr` abre una fila, y cada `th` o `td` una celda."
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
        self.cell = tag if tag in ("th", "td") else self.cell

    def handle_endtag(self, tag):
        self.cell = None if tag == self.cell else self.cell

    def handle_data(self, data):
        if self.cell:
            self.rows[-1][-1] += data.strip()

    def markdown(self) -> str:
        "La tabla en Markdown; la primera fila es la cabecera."
        lines = ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join([lines[0], "|" + "---|" * len(self.rows[0]), *lines[1:]])


def published(
    text: str,  # Markdown de index.ipynb
    url: str,  # dirección del sitio publicado
) -> str:
    "Los enlaces a otros cuadernos llevan a su página publicada."
    return NOTEBOOK_LINK.sub(lambda m: f"]({url}{page_name(m[1])}{m[2] or ''})", text)


def output_markdown(
    output: dict,  # una salida guardada
    url: str,  # dirección del sitio publicado
    alt: str = "",  # lo que dice la celda de su figura a quien no la ve
) -> str:  # la misma en Markdown
    "Las tablas y el Markdown, como tales; el texto, sangrado. De figuras, sólo la de la portada."
    if output["output_type"] == "stream":
        return indent("".join(output["text"]))
    data = {kind: "".join(content) for kind, content in output["data"].items()}
    if "<figure" in data.get("text/html", "") and alt:
        return f"![{COVER_ALT}]({COVER.as_posix()})"
    if any(kind.startswith("image/") for kind in data) or "<figure" in data.get("text/html", ""):
        raise ValueError(f"{INDEX} tiene una figura que README.md no puede mostrar: ponle `fig-alt`.")
    if "text/markdown" in data:
        return published(data["text/markdown"].strip(), url)
    if "<table" in data.get("text/html", ""):
        return Table(data["text/html"]).markdown()
    return indent(data["text/plain"])


def indent(text: str) -> str:  # texto → bloque de código de Markdown
    return "\n".join("    " + line if line else "" for line in text.strip("\n").splitlines())


def cell_markdown(
    cell,  # celda procesada por nbdev
    url: str,  # dirección del sitio publicado
) -> list:  # sus trozos de Markdown
    "Una celda de texto da un trozo; una de código, el código y cada una de sus salidas."
    if cell.cell_type == "markdown":
        return [published(cell.source.strip(), url)]
    if cell.cell_type != "code":
        return []
    options, code = cell_options(cell.source)
    if options.get("include") == "false":
        return []
    shown = [f"```python\n{code}\n```"] if code and options.get("echo") != "false" else []
    hidden = options.get("output") == "false"
    alt = options.get("fig-alt", "").strip('"')
    return shown + [output_markdown(o, url, alt) for o in cell.get("outputs", []) if not hidden]


def render(root: Path) -> str:  # carpeta del proyecto → texto de README.md
    "El README completo: título, resumen, aviso de que no se edita a mano y las celdas visibles."
    nb = processed_index(root)
    parts = [f"# {nb.frontmatter_['title']}", f"> {nb.frontmatter_['description']}"]
    for cell in nb.cells:
        parts += cell_markdown(cell, site_url(root))
    cfg = settings(root)
    return (
        "\n\n".join(p for p in parts if p).replace(f"]({cfg['git_url']}/blob/{cfg['branch']}/", "](") + "\n"
    )


def anchors(text: str) -> set:  # Markdown → las anclas que GitHub pone a sus apartados
    titles = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def problems(
    root: Path,  # carpeta del proyecto
    text: str,  # un README
) -> list:  # una línea por problema
    "Un README no lleva `<style>`, ni enlaces a archivos o apartados que no estén."
    found = ["tiene un bloque <style>"] if "<style" in text else []
    for link in re.findall(r"\]\(<?([^)\s>]+)", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        if path and not (root / path).exists():
            found.append(f"enlaza a {link}, que no existe")
        elif not path and anchor not in anchors(text):
            found.append(f"enlaza a {link}, y no hay tal apartado")
    return found


def is_current(
    readme: str,  # texto de README.md
    fresh: str,  # lo que escribe `render` con el index.ipynb de ahora
) -> bool:
    "¿Es README.md lo que escribe este programa, y no otro?"
    return readme.strip() == fresh.strip() and not problems(Path(__file__).resolve().parents[1], readme)


if __name__ == "__main__":
    project = Path(__file__).resolve().parents[1]
    if sys.argv[1:2] == ["--ver"]:
        print(render(Path(sys.argv[2]).resolve()))  # sin escribir nada
    else:
        text = render(project)
        if found := problems(project, text):
            sys.exit("\n".join(f"README.md {problem}" for problem in found))
        (project / "README.md").write_text(text, encoding="utf-8")
        print(f"README.md escrito a partir de {INDEX}")
