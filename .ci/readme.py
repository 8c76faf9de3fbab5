"""Escribe README.md a partir de nbs/index.ipynb, sin Quarto.

    python .ci/readme.py

`nbdev_readme` hace lo mismo con Quarto. Aquí pasamos el cuaderno por los procesadores de nbdev,
que quitan las celdas ocultas y enlazan los nombres del paquete, y lo escribimos en el Markdown
de GitHub. Los enlaces a otros cuadernos llevan al sitio publicado, cuya dirección sale de
settings.ini. `is_current` compara sin fijarse en el formato, y acepta las dos versiones.
"""

import html
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

from website import page_name, site_url

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


def output_markdown(
    output: dict,  # una salida guardada
) -> str:  # la misma en Markdown
    "Las tablas y el Markdown, como tales; el texto, sangrado, como lo escribe Quarto. No caben figuras."
    if output["output_type"] == "stream":
        return indent("".join(output["text"]))
    data = {kind: "".join(content) for kind, content in output["data"].items()}
    if any(kind.startswith("image/") for kind in data):
        raise ValueError(
            f"{INDEX} tiene una figura, y README.md no puede mostrarla: muévela a otro cuaderno."
        )
    if "text/markdown" in data:
        return data["text/markdown"].strip()
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
        return [NOTEBOOK_LINK.sub(lambda m: f"]({url}{page_name(m[1])}{m[2] or ''})", cell.source.strip())]
    if cell.cell_type != "code":
        return []
    options, code = cell_options(cell.source)
    if options.get("include") == "false":
        return []
    shown = [f"```python\n{code}\n```"] if code and options.get("echo") != "false" else []
    hidden = options.get("output") == "false"
    return shown + [output_markdown(o) for o in cell.get("outputs", []) if not hidden]


def render(root: Path) -> str:  # carpeta del proyecto → texto de README.md
    "El README completo: título, resumen, aviso de que no se edita a mano y las celdas visibles."
    nb = processed_index(root)
    parts = [f"# {nb.frontmatter_['title']}", f"> {nb.frontmatter_['description']}"]
    for cell in nb.cells:
        parts += cell_markdown(cell, site_url(root))
    return "\n\n".join(p for p in parts if p) + "\n"


def link_name(url: str) -> str:  # destino de un enlace → lo que importa de él
    "Un cuaderno se llama igual en el repositorio (00_dataset.ipynb) y en el sitio (…/dataset.html)."
    path = url.partition("#")[0]
    return page_name(path.rpartition("/")[2]) if path.endswith((".ipynb", ".html")) else url


def words(text: str) -> list:  # Markdown → sus palabras, con la puntuación y sin el formato
    "Deja de un Markdown sólo lo que se lee y adónde llevan sus enlaces."
    text = re.sub(r"<!--.*?-->|<style.*?</style>|</?[a-z][^>]*>", " ", text, flags=re.DOTALL)
    text = re.sub(r"^[\s|:+-]*$", "", text, flags=re.MULTILINE)  # rayas de las tablas
    text = re.sub(r"\]\(<?([^)\s>]+)[^)]*\)", lambda m: f"] {link_name(m[1])} ", text)
    text = html.unescape(text).translate(str.maketrans("“”‘’", "\"\"''")).replace("…", "...")
    return re.sub(r"[#*_`>|\\=~–—-]", " ", text).split()


def is_current(
    readme: str,  # texto de README.md
    fresh: str,  # lo que escribe `render` con el index.ipynb de ahora
) -> bool:
    "¿Dicen lo mismo, palabra por palabra? Vale igual el README que escribe Quarto, que no lleva resumen."
    without_summary = re.sub(r"^> .*\n", "", fresh, count=1, flags=re.MULTILINE)
    return words(readme) in (words(fresh), words(without_summary))


if __name__ == "__main__":
    project = Path(__file__).resolve().parents[1]
    if sys.argv[1:2] == ["--ver"]:
        print(render(Path(sys.argv[2]).resolve()))  # sin escribir nada
    else:
        (project / "README.md").write_text(render(project), encoding="utf-8")
        print(f"README.md escrito a partir de {INDEX}")
