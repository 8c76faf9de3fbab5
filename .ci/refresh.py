"""Vuelve a calcular las salidas guardadas de los cuadernos.

    python .ci/refresh.py tutorial/04_kmeans …           sólo ésos (desde nbs/, con o sin .ipynb)
    python .ci/refresh.py --todos                        todos
    python .ci/refresh.py --marcas "slow" experiments/23_failures

Las salidas que se publican son las de las fotos: sin `CATSDOGS_DATA` no se hace nada.

Las celdas marcadas (`slow`, `gpu`, `red`) que no se piden con --marcas no se ejecutan, y conservan
la salida que tenían. Las cifras que publica un experimento se guardan también en su JSON, que se confirma
con él. Una página que necesita las imágenes ajenas (`CATSDOGS_FOREIGN`) o los conjuntos de otras cosas
(`CATSDOGS_SETS`) no se toca si no están: sus tablas saldrían vacías. Al acabar, `nbdev_clean` deja los
cuadernos como deben confirmarse.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import figures
import nbformat
import website
from notebooks import execute_all

ROOT = Path(__file__).resolve().parents[1]


def keep_figures(path: Path, fresh: Path) -> None:  # cuaderno, y el JSON de lo recién medido
    "Guarda junto al cuaderno las cifras nuevas; las de celdas que no se han ejecutado se quedan."
    target = path.with_suffix(".json")
    if not fresh.is_file():
        return
    old = json.loads(target.read_text(encoding="utf-8")) if target.is_file() else {}
    new = old | json.loads(fresh.read_text(encoding="utf-8"))
    called = [name for _, name in figures.calls(path)]  # en el orden de la página; lo que ya no está, se va
    text = json.dumps({n: new[n] for n in called if n in new}, ensure_ascii=False, indent=1)
    target.write_text(text + "\n", encoding="utf-8")


def refresh(paths: list, skip: set) -> int:  # cuántos fallan
    "Ejecuta los cuadernos y guarda sus salidas y sus cifras."
    failed = 0
    with tempfile.TemporaryDirectory(prefix="catsdogs-cifras-") as folder:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", "CATSDOGS_PUBLISH": folder}
        for path, fresh, seconds, error in execute_all(paths, skip, env):
            name = path.relative_to(ROOT / "nbs").as_posix()
            if error:
                failed += 1
                print(f"{name}: falla\n{error}", flush=True)
                continue
            nbformat.write(fresh, path)
            keep_figures(path, Path(folder) / f"{path.stem}.json")
            print(f"{name}: {seconds:.0f} s", flush=True)
    return failed


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
    if absent := [path for path in chosen if not path.is_file()]:
        parser.error(f"no hay ningún cuaderno «{absent[0].relative_to(ROOT / 'nbs').as_posix()}» en nbs/")
    if args.todos:
        chosen = website.notebooks(ROOT)
    missing = {path: figures.missing_folders(path, skip, os.environ) for path in chosen}
    refused = [path for path in chosen if missing[path]]
    for path in refused:
        name = path.relative_to(ROOT / "nbs").as_posix()
        print(f"{name}: no se toca, porque {figures.advice(missing[path])}", flush=True)
    failed = refresh([path for path in chosen if path not in refused], skip)
    subprocess.run([Path(sys.executable).with_name("nbdev_clean")], cwd=ROOT, check=True)
    return bool(failed or refused)


if __name__ == "__main__":
    sys.exit(main())
