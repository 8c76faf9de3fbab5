"""Lo que se tarda en tener los grupos de una carpeta, con cada red, cada mirada y cada precisión.

    python benchmarks/frontier.py                      las fotos de CATSDOGS_DATA, o los dibujos
    python benchmarks/frontier.py --numero 1000 --vueltas 1 --redes efficientnet_lite0 --json tiempos.json

Cada medida es un proceso entero, desde que se lanza hasta que están los grupos, con una caché vacía: se
prepara la red (y si es de 8 bits, se cuantiza), se convierten las fotos y se agrupan con el método
recomendado. Es lo que espera quien llega con una carpeta la primera vez. Las vueltas van por turnos, una
de cada combinación, para que lo que haga la máquina mientras tanto les toque a todas; se da la mediana.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NETWORKS = ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"]
VIEWS = ["crop", "crop+whole"]
PRECISIONS = ["float32", "int8"]
CHILD = """
import json, sys, time
start = time.perf_counter()
from catsdogs_clustering.embedding import ImageEmbedder
from catsdogs_clustering.methods import make_clusterer
name, views, precision, cache, listing = sys.argv[1:]
paths = open(listing, encoding="utf-8", errors="surrogateescape").read().split("\\n")
imported = time.perf_counter()
embedder = ImageEmbedder(
    name, views=tuple(views.split("+")), precision=precision, cache=cache, progress=False
).fit()
ready = time.perf_counter()
X = embedder.transform(paths)
converted = time.perf_counter()
make_clusterer("recommended", 2).fit(X)
grouped = time.perf_counter()
print(json.dumps(dict(load=imported - start, prepare=ready - imported, embed=converted - ready,
                      group=grouped - converted)))
"""


def measure(case: tuple, listing: Path) -> dict:  # segundos de cada paso, y del proceso entero
    "Un proceso nuevo, con una caché nueva."
    with tempfile.TemporaryDirectory(prefix="catsdogs-") as folder:
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", CHILD, *case, Path(folder) / "c.sqlite", listing],
            text=True,
            capture_output=True,
        )
        total = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(case)}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1]) | {"total": total}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fotos", help="carpeta de fotos (si no, CATSDOGS_DATA o los dibujos)")
    parser.add_argument("--numero", type=int, default=4000, help="fotos que se agrupan")
    parser.add_argument("--vueltas", type=int, default=3, help="veces que se mide cada combinación")
    parser.add_argument("--redes", nargs="+", default=NETWORKS, help="redes que se comparan")
    parser.add_argument("--json", help="archivo donde dejar las medidas")
    args = parser.parse_args()
    from catsdogs_clustering.dataset import example_photos, list_images

    photos = list_images(args.fotos) if args.fotos else example_photos()
    photos = photos[:: max(1, len(photos) // args.numero)][: args.numero]
    cases = list(itertools.product(args.redes, VIEWS, PRECISIONS))
    runs = {case: [] for case in cases}
    with tempfile.TemporaryDirectory(prefix="catsdogs-") as folder:
        listing = Path(folder) / "rutas.txt"
        listing.write_text("\n".join(map(str, photos)), encoding="utf-8", errors="surrogateescape")
        for case in cases * args.vueltas:
            runs[case].append(measure(case, listing))
    rows = []
    for (name, views, precision), found in runs.items():
        steps = {step: statistics.median(run[step] for run in found) for step in found[0]}
        rows.append({"network": name, "views": views, "precision": precision} | steps)
        print(
            f"{name:20} {views:11} {precision:8} preparar {steps['prepare']:5.1f} s, convertir "
            f"{steps['embed']:6.1f} s ({len(photos) / steps['embed']:4.0f} fotos/s), agrupar "
            f"{steps['group']:4.1f} s; en total {steps['total']:6.1f} s"
        )
    if args.json:
        Path(args.json).write_text(json.dumps({"photos": len(photos), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
