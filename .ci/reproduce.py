"""Vuelve a medir las cifras que publica el sitio y las compara con las publicadas.

    python .ci/reproduce.py                      todas las páginas que publican cifras
    python .ci/reproduce.py 25_leaks 27_names    sólo ésas
    python .ci/reproduce.py --lista              qué páginas hay

Las fotos son las de `CATSDOGS_DATA`; sin esa variable se descargan, como con `catsdogs descargar`, a
.cache/fotos. Cada página se ejecuta entera, con sus celdas lentas, en una copia: tu carpeta no se toca,
salvo .cache, que guarda los vectores. Cada cifra tiene el margen que le da su página; los tiempos se
comparan divididos entre el de una de las filas. Sale con 1 si alguna cifra se sale de su margen, si no
se ha podido volver a medir o si la página no enseña lo que dice su JSON.

Algunas páginas necesitan además `CATSDOGS_FOREIGN`: las imágenes ajenas de `benchmarks/foreign.py`.
"""

import argparse
import math
import os
import sys
import tempfile
from pathlib import Path

import check
import figures
import website
from notebooks import execute

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
HEADER = ("página", "tabla", "fila", "columna", "publicado", "aquí", "margen", "¿dentro?")


def margin(entry: dict, column: str) -> float:  # en las unidades de la cifra
    "Cuánto puede moverse una cifra de esa columna."
    tolerance = entry["tolerance"]
    return tolerance.get(column, 0) if isinstance(tolerance, dict) else tolerance


def value_at(entry: dict, row: str, column: str):  # número, texto o None
    "Una cifra; si es un tiempo, dividida entre el de la fila con que se compara."
    value = entry["rows"].get(row, {}).get(column)
    if (base := entry.get("ratio_to")) is None or not isinstance(value, (int, float)):
        return value
    base = entry["rows"].get(base, {}).get(column)
    return value / base if base else None


def within(old, new, tolerance: float) -> bool:
    "¿Cabe la diferencia en el margen? Los textos, y las casillas vacías, han de ser iguales."
    if not all(isinstance(x, (int, float)) for x in (old, new)):
        return old == new
    return abs(old - new) <= tolerance + 1e-9 * abs(old)


def compare(page: str, old: dict, new: dict):  # → una línea por cifra, como HEADER; la última, bool
    "Compara las cifras publicadas de una página con las recién medidas."
    for name in [*old, *(n for n in new if n not in old)]:
        before, after = (side.get(name, {"rows": {}, "tolerance": 0}) for side in (old, new))
        stated = after if name in new else before  # el margen es el que dice la página
        if name in old and name in new:
            for key in ("tolerance", "ratio_to", "how"):
                if before.get(key) != after.get(key):
                    yield page, name, "", key, before.get(key), after.get(key), "", False
        places = {(r, c): None for side in (before, after) for r, cs in side["rows"].items() for c in cs}
        for row, column in places:
            values = [value_at(side, row, column) for side in (before, after)]
            limit = margin(stated, column)
            measured = all(column in side["rows"].get(row, {}) for side in (before, after))
            yield page, name, row, column, *values, limit, measured and within(*values, limit)


def text(value) -> str:  # como se lee en la tabla
    "Un valor cualquiera, con coma y con pocas cifras."
    if value is None:
        return "–"
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.4g}".replace(".", ",")
    return str(value)


def show(lines: list) -> None:
    "Escribe la tabla alineada; lo que se sale del margen lleva un aspa."
    rows = [HEADER] + [(*map(text, line[:-1]), "sí" if line[-1] else "✗ NO") for line in lines]
    rows = [[cell if len(cell) <= 34 else cell[:33] + "…" for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    for row in rows:
        cells = [c.rjust(w) if i in (4, 5, 6) else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())


def repeat(root: Path, names: list, env: dict):  # → (líneas de la tabla, problemas)
    "Ejecuta las páginas de una copia del proyecto y compara sus cifras."
    from catsdogs_clustering.common.published import read_figures

    lines, troubles, known = [], [], figures.pages(root)
    skip = set(website.settings(root)["tst_flags"].split()) - {"slow"}
    for name in names:
        notebook, path = known[name]
        old = read_figures(path) if path.is_file() else {}
        troubles += [f"{name}: {p}" for p in figures.page_problems(notebook, old or None)]
        with tempfile.TemporaryDirectory(prefix="catsdogs-cifras-") as folder:
            print(f"{name}…", end=" ", flush=True)
            try:
                seconds = execute(notebook, skip, env | {"CATSDOGS_PUBLISH": folder})[1]
                print(f"{seconds:.0f} s", flush=True)
            except Exception as error:
                print("falla", flush=True)
                troubles.append(f"{name}: la página no se ejecuta entera.\n{check.tail(str(error), 15)}")
            fresh = Path(folder) / path.name
            lines += compare(name, old, read_figures(fresh) if fresh.is_file() else {})
    return lines, troubles


def tell(lines: list, troubles: list) -> bool:  # ¿está todo bien?
    "Escribe la tabla, los problemas y el resumen."
    show(lines)
    print("\n".join(["", *troubles]) if troubles else "")
    out = sum(not line[-1] for line in lines)
    print(f"{len(lines) - out} cifras dentro de su margen, {out} fuera; {len(troubles)} problemas más.")
    return not out and not troubles


def photos(root: Path) -> Path:  # carpeta de las fotos
    "Las de `CATSDOGS_DATA` o, si no está definida, las que descarga el paquete."
    from catsdogs_clustering.dataset import download_photos

    if data := os.environ.get("CATSDOGS_DATA"):
        if not Path(data).is_dir():
            sys.exit(f"CATSDOGS_DATA nombra una carpeta que no existe: «{data}».")
        return Path(data).resolve()
    return download_photos(root / ".cache" / "fotos").resolve()


def parse_args(known: dict):
    "Lee la línea de órdenes."
    parser = argparse.ArgumentParser(description="Vuelve a medir las cifras que publica el sitio.")
    parser.add_argument("páginas", nargs="*", metavar="PÁGINA", help="como 25_leaks; ninguna son todas")
    parser.add_argument("--lista", action="store_true", help="enumera las páginas y acaba")
    args = parser.parse_args()
    if unknown := [n for n in args.páginas if Path(n).stem not in known]:
        parser.error(f"«{unknown[0]}» no publica cifras; las publican {', '.join(known) or 'ninguna'}")
    return args


def main() -> int:  # código de salida
    "Repite las páginas pedidas y compara."
    known = figures.pages(ROOT)
    args = parse_args(known)
    if args.lista:
        print("\n".join(known))
        return 0
    from catsdogs_clustering.common.errors import CatsDogsError

    try:
        data = photos(ROOT)
    except CatsDogsError as error:
        sys.exit(str(error))
    env = {**os.environ, "CATSDOGS_DATA": str(data)}
    env.setdefault("CATSDOGS_HOME", str(ROOT / ".cache"))
    if foreign := env.get("CATSDOGS_FOREIGN"):
        env["CATSDOGS_FOREIGN"] = str(Path(foreign).resolve())
    with tempfile.TemporaryDirectory(prefix="catsdogs-", ignore_cleanup_errors=True) as folder:
        root = Path(folder) / "proyecto"
        print(f"Trabajamos en {check.copy_project(root)}.", flush=True)
        names = [Path(n).stem for n in args.páginas] or list(known)
        lines, troubles = repeat(root, names, env | {"PYTHONPATH": str(root)})
    return not tell(lines, troubles)


if __name__ == "__main__":
    sys.exit(main())
