"""Vuelve a medir las cifras que publica el sitio y las compara con las publicadas.

    python .ci/reproduce.py                      todas las páginas que publican cifras
    python .ci/reproduce.py 25_leaks 27_names    sólo ésas
    python .ci/reproduce.py --lista              qué páginas hay
    python .ci/reproduce.py --guardar tabla.txt  guarda también la tabla en un archivo

Las fotos son las de `CATSDOGS_DATA`; sin esa variable se descargan, como con `catsdogs descargar`, a
.cache/fotos. Cada página se ejecuta entera, con sus celdas lentas, en una copia: tu carpeta no se toca,
salvo .cache, que guarda los vectores. Cada cifra tiene el margen que le da su página; los tiempos se
comparan divididos entre el de una de las filas. Sale con 1 si alguna cifra se sale de su margen, si no
se ha podido volver a medir o si la página no enseña lo que dice su JSON.

Algunas páginas necesitan además `CATSDOGS_FOREIGN`, las imágenes ajenas de `benchmarks/foreign.py`, o
`CATSDOGS_SETS`, los conjuntos de `benchmarks/sets.py`: si falta alguna carpeta, se dice antes de empezar.
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


def aligned(lines: list) -> str:  # una fila por cifra
    "La tabla alineada; lo que se sale del margen lleva un aspa."
    rows = [HEADER] + [(*map(text, line[:-1]), "sí" if line[-1] else "✗ NO") for line in lines]
    rows = [[cell if len(cell) <= 34 else cell[:33] + "…" for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    right = {HEADER.index(name) for name in ("publicado", "aquí", "margen")}
    return "\n".join(
        "  ".join(
            c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    )


def skipped(root: Path) -> set:  # marcas
    "Las celdas que tampoco se ejecutan aquí: todas las marcadas, menos las lentas."
    return set(website.settings(root)["tst_flags"].split()) - {"slow"}


def repeat(root: Path, names: list, env: dict):  # → (líneas de la tabla, problemas)
    "Ejecuta las páginas de una copia del proyecto y compara sus cifras."
    from catsdogs_clustering.common.errors import CatsDogsError
    from catsdogs_clustering.common.published import read_figures

    lines, troubles, known = [], [], figures.pages(root)
    for name in names:
        notebook, path = known[name]
        try:
            old = read_figures(path) if path.is_file() else {}
        except CatsDogsError as error:
            troubles.append(f"{name}: {error}")
            continue
        troubles += [f"{name}: {p}" for p in figures.page_problems(notebook, old or None)]
        with tempfile.TemporaryDirectory(prefix="catsdogs-cifras-") as folder:
            print(f"{name}…", end=" ", flush=True)
            try:
                seconds = execute(notebook, skipped(root), env | {"CATSDOGS_PUBLISH": folder})[1]
                print(f"{seconds:.0f} s", flush=True)
            except Exception as error:
                print("falla", flush=True)
                troubles.append(f"{name}: la página no se ejecuta entera.\n{check.tail(str(error), 15)}")
            fresh = Path(folder) / path.name
            lines += compare(name, old, read_figures(fresh) if fresh.is_file() else {})
    return lines, troubles


def tell(lines: list, troubles: list, path: Path | None = None) -> bool:  # ¿está todo bien?
    "Escribe la tabla, los problemas y el resumen; con `path`, también en un archivo."
    out = sum(not line[-1] for line in lines)
    summary = f"{len(lines) - out} cifras dentro de su margen, {out} fuera; {len(troubles)} problemas más."
    report = "\n".join([aligned(lines), "", *troubles, summary])
    print(report)
    if path:
        path.write_text(report + "\n", encoding="utf-8")
    return not out and not troubles


def missing_folders(notebooks: list) -> str:  # una línea; vacía, si no falta nada
    "Las carpetas de imágenes que piden unas páginas y no están, y qué hacer."
    asked = [figures.missing_folders(path, skipped(ROOT), os.environ) for path in notebooks]
    lacking = [name for name in figures.FOLDERS if any(name in names for names in asked)]
    pages = ", ".join(path.stem for path, names in zip(notebooks, asked) if names)
    return f"Para repetir {pages} {figures.advice(lacking)}" if lacking else ""


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
    parser.add_argument("--guardar", metavar="ARCHIVO", type=Path, help="guarda también la tabla, como texto")
    args = parser.parse_args()
    if args.guardar and not args.guardar.resolve().parent.is_dir():
        parser.error(f"no existe la carpeta en la que habría que guardar «{args.guardar}»")
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

    names = [Path(n).stem for n in args.páginas] or list(known)
    if missing := missing_folders([known[name][0] for name in names]):
        sys.exit(missing)
    try:
        data = photos(ROOT)
    except CatsDogsError as error:
        sys.exit(str(error))
    env = {**os.environ, "CATSDOGS_DATA": str(data)}
    env.setdefault("CATSDOGS_HOME", str(ROOT / ".cache"))
    env |= {name: str(Path(env[name]).resolve()) for name in figures.FOLDERS if env.get(name)}
    with tempfile.TemporaryDirectory(prefix="catsdogs-", ignore_cleanup_errors=True) as folder:
        root = Path(folder) / "proyecto"
        print(f"Trabajamos en {check.copy_project(root)}.", flush=True)
        lines, troubles = repeat(root, names, env | {"PYTHONPATH": str(root)})
    return not tell(lines, troubles, args.guardar)


if __name__ == "__main__":
    sys.exit(main())
