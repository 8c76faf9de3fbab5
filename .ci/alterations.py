"""Cambia, de una en una, todas las cifras publicadas, y mira si alguien se da cuenta.

    python .ci/alterations.py     enumera las alteraciones que pasarían desapercibidas

Se hace en la memoria, sin ejecutar ninguna página. Cada cifra de cada JSON se lleva más allá de su margen,
y `reproduce.py` tiene que verla fuera; cada casilla de cada tabla guardada en un cuaderno, y cada palabra
de su versión en texto, se cambian por otras, y tiene que verlo `figures.py`. La comprobación `repetir`
llama a estas funciones.
"""

import copy
import re
import sys
from pathlib import Path

import figures
import nbformat
import reproduce

ROOT = Path(__file__).resolve().parents[1]
BOX = re.compile(r"<t[hd][^>]*>([^<]+)</t[hd]>")
WORD = re.compile(r"\S+")


def moved(entry: dict, row: str, column: str):  # un valor que el margen no admite
    "Una cifra llevada justo más allá de su margen; un texto o una casilla vacía, cambiados por otra cosa."
    value = entry["rows"][row][column]
    if not isinstance(value, (int, float)):
        return 0.0 if value is None else f"{value}, o no"
    beyond = 1.01 * reproduce.margin(entry, column) + 1e-6 * max(1, abs(value))
    if (base := entry.get("ratio_to")) is None:
        return value + beyond
    if row != base:  # los tiempos se comparan divididos entre los de una fila…
        return value + beyond * entry["rows"][base][column]
    ratios = [reproduce.value_at(entry, other, column) for other in entry["rows"] if other != base]
    return value / (1 + beyond / max((abs(r) for r in ratios if r), default=0.1))  # …que mueve las demás


def figure_alterations(page: str, tables: dict):  # → (qué se altera, ¿se ve?)
    "Altera cada cifra de una página y la compara con la publicada."
    for name, entry in tables.items():
        altered = copy.deepcopy(entry)
        for row, cells in entry["rows"].items():
            for column, value in cells.items():
                altered["rows"][row][column] = moved(entry, row, column)
                lines = reproduce.compare(page, {name: entry}, {name: altered})
                out = {line[2:4] for line in lines if not line[-1]}
                altered["rows"][row][column] = value
                seen = bool(out) if entry.get("ratio_to") else out == {(row, column)}
                yield f"{page}: la cifra de «{name}», fila «{row}», columna «{column}»", seen


def cell_alterations(notebook: Path, tables: dict):  # → (qué se altera, ¿se ve?)
    "Altera cada casilla de las tablas guardadas en un cuaderno, y cada palabra de su versión en texto."
    for cell in nbformat.read(notebook, 4).cells:
        if cell.cell_type != "code" or not (names := [n for _, n in figures.CALL.findall(cell.source)]):
            continue
        own = {name: tables[name] for name in names if name in tables}
        alone = nbformat.v4.new_notebook(cells=[cell])
        for output in cell.outputs:
            data = output.get("data", {})
            if "<table" not in data.get("text/html", ""):
                continue
            for kind, pattern, group in (("text/html", BOX, 1), ("text/plain", WORD, 0)):
                text = data[kind]
                for found in pattern.finditer(text):
                    if not (word := found[group].strip()) or word == "\\":
                        continue
                    data[kind] = text[: found.end(group)] + "9" + text[found.end(group) :]
                    seen = any(figures.notebook_problems(alone, notebook.stem, own))
                    yield f"{notebook.stem}: «{word}», en la tabla «{', '.join(names)}» ({kind})", seen
                data[kind] = text


def unnoticed(root: Path) -> tuple:  # cuántas alteraciones, y las que no se ven
    "Todas las alteraciones de todas las páginas."
    from catsdogs_clustering.common.published import read_figures

    n, missed = 0, []
    for name, (notebook, path) in figures.pages(root).items():
        tables = read_figures(path) if path.is_file() else {}
        for alterations in (figure_alterations(name, tables), cell_alterations(notebook, tables)):
            for what, seen in alterations:
                n += 1
                missed += [] if seen else [what]
    return n, missed


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    n, missed = unnoticed(ROOT)
    print("\n".join([*missed, f"{n} alteraciones; {len(missed)} pasan desapercibidas."]))
    sys.exit(bool(missed))
