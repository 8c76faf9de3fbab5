"""Vuelve a calcular las salidas guardadas de los cuadernos.

    python .ci/refresh.py tutorial/04_kmeans …           sólo ésos (desde nbs/, con o sin .ipynb)
    python .ci/refresh.py --todos                        todos
    python .ci/refresh.py --marcas "slow" experiments/23_failures

Las celdas marcadas (`slow`, `gpu`, `red`) que no se piden con --marcas no se ejecutan, y conservan
la salida que tenían. Al acabar, `nbdev_clean` deja los cuadernos como deben confirmarse.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import style
import website
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]


def refresh(path: Path, skip: set) -> None:  # cuaderno, y marcas de las celdas que no se ejecutan
    "Ejecuta un cuaderno de arriba abajo y guarda sus salidas."
    nb = nbformat.read(path, 4)
    kept = {}
    for i, raw in enumerate(nb.cells):
        if raw.cell_type == "code" and style.Cell(raw).directives & skip:
            kept[i] = raw.source, raw.outputs
            raw.source = ""
    client = NotebookClient(
        nb, timeout=3600, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    client.execute(env=env)
    for i, (source, outputs) in kept.items():
        nb.cells[i].source, nb.cells[i].outputs = source, outputs
    nbformat.write(nb, path)


def main() -> None:
    parser = argparse.ArgumentParser(description="Vuelve a calcular las salidas guardadas de los cuadernos.")
    parser.add_argument("cuadernos", nargs="*", help="desde nbs/, con o sin .ipynb")
    parser.add_argument("--todos", action="store_true", help="todos los cuadernos")
    parser.add_argument("--marcas", default="", help="ejecuta también las celdas con estas marcas")
    args = parser.parse_args()
    skip = set(website.settings(ROOT)["tst_flags"].split()) - set(args.marcas.split())
    chosen = [(ROOT / "nbs" / name).with_suffix(".ipynb") for name in args.cuadernos]
    for path in website.notebooks(ROOT) if args.todos else chosen:
        start = time.time()
        refresh(path, skip)
        print(f"{path.relative_to(ROOT / 'nbs')}: {time.time() - start:.0f} s", flush=True)
    subprocess.run([Path(sys.executable).with_name("nbdev_clean")], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
