"""Cuánto espera una persona: desde que escribe `catsdogs entrenar` hasta que ve los grupos, y hasta el final.

    python benchmarks/first_groups.py                   las fotos de CATSDOGS_DATA
    python benchmarks/first_groups.py --numero 1000 --vueltas 1
    python benchmarks/first_groups.py --apuntar nbs/experiments/29_fast_first.jsonl

Cada orden es un proceso nuevo que escribe en una tubería, y se apunta cuándo llega la primera línea, la que
dice cuántos grupos hay: en ese momento el modelo ya está guardado. La primera de cada vuelta es
`--rapido` con la caché vacía, así que también prepara la red; la segunda, lo mismo con la red ya preparada
para otra carpeta, de dibujos; la tercera, la orden sin opciones, también desde cero. Las órdenes se alternan.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from peers import link

ORDERS = {  # nombre → opciones, y si otra carpeta ha dejado preparada la red
    "--rapido, la primera vez": (["--rapido"], False),
    "--rapido, con la red preparada": (["--rapido"], True),
    "sin opciones, la primera vez": ([], False),
}
CATSDOGS = [sys.executable, "-c", "from catsdogs_clustering.commands.start import main; main()"]


def train(folder: Path, place: Path, home: Path, options: list) -> dict:  # segundos
    "Una orden, en un proceso nuevo: cuándo dice los grupos y cuándo acaba."
    place.mkdir(parents=True)
    start = time.perf_counter()
    with subprocess.Popen(
        [*CATSDOGS, "entrenar", folder, "--modelo", place / "modelo.skops", "--quieto", *options],
        env=os.environ | {"CATSDOGS_HOME": str(home)},
        stdout=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        groups = time.perf_counter() - start
        process.stdout.read()
    if process.returncode:
        raise SystemExit(f"«entrenar {' '.join(options)}» ha fallado.")
    return {"groups": groups, "whole": time.perf_counter() - start}


def measure(photos: list, turns: int) -> dict:  # orden → una medida por vuelta
    "Alterna las órdenes."
    from catsdogs_clustering.dataset import draw_sample

    found = {name: [] for name in ORDERS}
    with tempfile.TemporaryDirectory(prefix="catsdogs-esperas-") as scratch:
        folder, drawings = link(photos, Path(scratch) / "fotos"), Path(scratch) / "dibujos"
        draw_sample(drawings, 20)
        for turn in range(turns):
            for name, (options, prepared) in ORDERS.items():
                place = Path(scratch) / f"{turn} {name}"
                if prepared:
                    train(drawings, place / "antes", place, options)
                row = train(folder, place / "ahora", place, options)
                found[name].append(row)
                print(
                    f"{name:31} grupos {row['groups']:6.1f} s, todo {row['whole']:6.1f} s",
                    flush=True,
                )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--numero", type=int, default=4000, help="cuántas fotos")
    parser.add_argument("--vueltas", type=int, default=3, help="cuántas veces se repite todo")
    parser.add_argument("--apuntar", type=Path, metavar="ARCHIVO", help="escribe aquí una línea por orden")
    args = parser.parse_args()
    from catsdogs_clustering.dataset import example_photos

    photos = example_photos()
    photos = photos[:: max(1, len(photos) // args.numero)][: args.numero]
    found, notes = measure(photos, args.vueltas), []
    for name, rows in found.items():
        groups, whole = (statistics.median(row[key] for row in rows) for key in ("groups", "whole"))
        print(f"{name:31} grupos {groups:6.1f} s, todo {whole:6.1f} s (medianas)")
        notes.append(json.dumps({"order": name, "photos": len(photos), "runs": rows}, ensure_ascii=False))
    if args.apuntar:
        args.apuntar.write_text("\n".join([*notes, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
