"""Las cifras que publica cada experimento: el JSON que hay a su lado, y lo que enseña la página.

    python .ci/figures.py         enumera lo que no casa, sin ejecutar nada

Una página publica una tabla con una función de `common.published`, que recibe los nombres de las dos. El
JSON y la tabla guardada en el cuaderno salen de esa llamada: si se cambia a mano uno de los dos, aquí se ve.
"""

import html
import os
import re
import sys
from collections import Counter
from pathlib import Path

import nbformat
import style
import website

ROOT = Path(__file__).resolve().parents[1]
CALL = re.compile(r'\bpublish\(\s*"([^"]+)",\s*"([^"]+)"')
FOLDERS = {  # variable → (qué hay en la carpeta, el programa que las reúne, cómo la llamamos)
    "CATSDOGS_FOREIGN": ("las imágenes ajenas", "benchmarks/foreign.py", "ajenas"),
    "CATSDOGS_SETS": ("los conjuntos de otras cosas", "benchmarks/sets.py", "conjuntos"),
}


def pages(root: Path) -> dict:  # nombre → (cuaderno, JSON), con JSON o con llamadas que lo escriben
    "Los experimentos que publican cifras."
    return {
        path.stem: (path, path.with_suffix(".json"))
        for path in website.notebooks(root)
        if path.parent.name == "experiments" and (path.with_suffix(".json").is_file() or calls(path))
    }


def missing_folders(notebook: Path, skip: set, env: dict) -> list:  # skip: marcas que no se ejecutan
    "Variables de las carpetas que buscan las celdas que se van a ejecutar, y que no nombran ninguna."
    cells = [style.Cell(raw) for raw in nbformat.read(notebook, 4).cells]
    code = "\n".join(c.body for c in cells if c.kind == "code" and not c.directives & skip)
    return [name for name in FOLDERS if name in code and not os.path.isdir(env.get(name) or "no está")]


def advice(names: list) -> str:  # variables que faltan
    "En una línea, qué hay que reunir, con qué órdenes, y cómo se dice después dónde está."
    what = " y ".join(FOLDERS[name][0] for name in names)
    orders = " && ".join(f"python {FOLDERS[name][1]} {FOLDERS[name][2]}" for name in names)
    places = " ".join(f"{name}=$PWD/{FOLDERS[name][2]}" for name in names)
    missing = f"faltan {what} ({', '.join(names)})"
    return f"{missing}. Se reúnen con `{orders}`, y luego se dice dónde están: `export {places}`"


def calls(notebook: Path) -> list:  # pares (página, tabla)
    "Lo que publica un cuaderno, en su orden."
    cells = [c for c in nbformat.read(notebook, 4).cells if c.cell_type == "code"]
    return [found for cell in cells for found in CALL.findall(cell.source)]


def shown_tables(cell) -> list:  # por salida: (índice, columnas, {fila: [textos]}, palabras de text/plain)
    "Las tablas guardadas en una celda, como las lee quien mira el sitio."
    tables = []
    for output in cell.get("outputs", []):
        page, plain = (output.get("data", {}).get(f"text/{kind}", "") for kind in ("html", "plain"))
        if "<table" not in page:
            continue
        lines = [
            [html.unescape(text).strip() for text in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
            for row in re.findall(r"<tr[^>]*>(.*?)</tr>", page, re.DOTALL)
        ]
        head = page.count("<tr", 0, page.find("<tbody"))
        index = lines[1][0] if head > 1 else ""  # su nombre va en una fila aparte
        tables.append((index, lines[0][1:], {row[0]: row[1:] for row in lines[head:]}, words(plain)))
    return tables


def words(text: str) -> Counter:  # palabra → cuántas veces
    "Las palabras de un texto; las barras con que pandas parte las líneas no cuentan."
    return Counter(w for w in text.split() if w != "\\")


def agrees(entry: dict, table: tuple) -> bool:
    "¿Es ésta, casilla a casilla, la tabla del JSON?"
    from catsdogs_clustering.common.published import as_shown

    index, columns, rows, plain = table
    name = entry.get("index") or ""
    shown = as_shown(entry)
    expected = {row: list(cells.values()) for row, cells in shown.items()}
    if index != name or expected != rows or list(expected) != list(rows):
        return False
    if any(list(cells) != columns for cells in shown.values()):
        return False
    once = words(" ".join([*columns, *(v for cells in rows.values() for v in cells)]))
    names = words(" ".join([*rows, name]))
    times = max(1, min((plain[w] - once[w]) // n for w, n in names.items()))  # si se parte, se repiten
    return plain == once + Counter({w: n * times for w, n in names.items()})


def notebook_problems(nb, stem: str, figures: dict | None):  # → un texto por problema
    "Lo que no casa entre un cuaderno, que ya está leído, y su JSON."
    cells = [c for c in nb.cells if c.cell_type == "code"]
    called = [(cell, page, name) for cell in cells for page, name in CALL.findall(cell.source)]
    if figures is None:
        yield f"publica cifras y no tiene su JSON: python .ci/refresh.py experiments/{stem}"
        return
    for _, page, name in called:
        if page != stem:
            yield f"publica «{name}» con el nombre de otra página, «{page}»"
    for name in sorted(figures.keys() ^ {name for _, _, name in called}):
        yield f"«{name}» está sólo en el JSON" if name in figures else f"«{name}» no está en el JSON"
    for cell in map(style.Cell, cells):  # lo que no es lento lo compara ya la comprobación `kernel`
        if "slow" in cell.directives and not CALL.search(cell.source) and shown_tables(vars(cell)):
            yield f"«{style.first_line(cell)}» enseña una tabla sin publicarla"
    for cell, _, name in called:
        tables = shown_tables(cell)
        if name in figures and not any(agrees(figures[name], table) for table in tables):
            what = "no es la del JSON" if tables else "no se ve en la página"
            yield f"la tabla «{name}» {what}: no se cambian a mano, las escribe .ci/refresh.py"


def page_problems(notebook: Path, figures: dict | None):  # → un texto por problema
    "Lo que no casa entre una página y su JSON."
    return notebook_problems(nbformat.read(notebook, 4), notebook.stem, figures)


def problems(root: Path) -> list:  # textos
    "Todo lo que no casa entre las páginas y sus JSON."
    from catsdogs_clustering.common.errors import CatsDogsError
    from catsdogs_clustering.common.published import read_figures

    found = []
    for name, (notebook, path) in pages(root).items():
        try:
            figures = read_figures(path) if path.is_file() else None
        except CatsDogsError as error:
            found.append(f"{name}: {error}")
            continue
        found += [f"{name}: {problem}" for problem in page_problems(notebook, figures)]
    return found


if __name__ == "__main__":
    found = problems(ROOT)
    print("\n".join(found) or "Las páginas y sus cifras casan.")
    sys.exit(bool(found))
