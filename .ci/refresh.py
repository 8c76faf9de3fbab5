"""Vuelve a calcular las salidas guardadas de los cuadernos.

    python .ci/refresh.py tutorial/04_kmeans …           sólo ésos (desde nbs/, con o sin .ipynb)
    python .ci/refresh.py --todos                        todos
    python .ci/refresh.py --marcas "slow" experiments/23_failures

Las salidas que se publican son las de las fotos: sin `CATSDOGS_DATA` no se hace nada.

Las celdas marcadas (`slow`, `gpu`, `red`) que no se piden con --marcas no se ejecutan, y conservan
la salida que tenían. Al acabar, `nbdev_clean` deja los cuadernos como deben confirmarse.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import website
from notebooks import execute_all

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:  # código de salida
    "Ejecuta los cuadernos pedidos y guarda sus salidas; los que fallan se quedan como estaban."
    parser = argparse.ArgumentParser(description="Vuelve a calcular las salidas guardadas de los cuadernos.")
    parser.add_argument("cuadernos", nargs="*", help="desde nbs/, con o sin .ipynb")
    parser.add_argument("--todos", action="store_true", help="todos los cuadernos")
    parser.add_argument("--marcas", default="", help="ejecuta también las celdas con estas marcas")
    args = parser.parse_args()
    if not os.environ.get("CATSDOGS_DATA"):
        parser.error("falta CATSDOGS_DATA, la carpeta de las fotos: las salidas saldrían con los dibujos")
    skip = set(website.settings(ROOT)["tst_flags"].split()) - set(args.marcas.split())
    chosen = [(ROOT / "nbs" / name).with_suffix(".ipynb") for name in args.cuadernos]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}  # como al comprobarlas
    failed = 0
    for path, fresh, seconds, error in execute_all(
        website.notebooks(ROOT) if args.todos else chosen, skip, env
    ):
        name = path.relative_to(ROOT / "nbs").as_posix()
        if error:
            failed += 1
            print(f"{name}: falla\n{error}", flush=True)
        else:
            nbformat.write(fresh, path)
            print(f"{name}: {seconds:.0f} s", flush=True)
    subprocess.run([Path(sys.executable).with_name("nbdev_clean")], cwd=ROOT, check=True)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
