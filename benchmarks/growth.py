"""Mide cómo crecen el tiempo y la memoria con el número de fotos, y lo que ahorra la caché.

    python benchmarks/growth.py                        las fotos de CATSDOGS_DATA, o los dibujos
    python benchmarks/growth.py --numeros 1000 4000 40000

Cada medida se hace en un proceso nuevo, con una caché nueva: una primera vez (fría) y otra igual
(templada). Si se piden más fotos de las que hay, se repiten; sin caché, cada repetición se calcula
de nuevo. Las fotos se piden de tanda en tanda (`embed_batches`) y los vectores no se guardan: la
memoria que se mide, el máximo que ha ocupado el proceso (ru_maxrss), es la que cuesta calcular.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

CHILD = """
import json, resource, sys, time
from catsdogs_clustering.embedding import ImageEmbedder
backbone, cache, listing = sys.argv[1:]
paths = open(listing, encoding="utf-8", errors="surrogateescape").read().split("\\n")
embedder = ImageEmbedder(backbone, cache=cache or None, progress=False)
embedder.fit(paths[:1])
start = time.perf_counter()
n = sum(len(part) + len(part.problems) for part in embedder.embed_batches(paths))
assert n == len(paths)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps(dict(seconds=time.perf_counter() - start, peak=peak)))
"""


def embed_in_child(paths: list, backbone: str, cache: str) -> dict:  # seconds, y peak en bytes
    "Convierte las fotos en un proceso nuevo y devuelve sus medidas."
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder) / "rutas.txt"
        listing.write_text("\n".join(map(str, paths)), encoding="utf-8", errors="surrogateescape")
        command = [sys.executable, "-c", CHILD, backbone, cache, str(listing)]
        return json.loads(subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout)


def growth(
    photos: list, numbers: list, backbone: str, cached: bool = True
) -> list:  # una medida por número de fotos
    "Mide cada número de fotos: con caché, dos veces (fría y templada); sin ella, una."
    rows = []
    for n in numbers:
        paths = list(islice(cycle(photos), n))
        with tempfile.TemporaryDirectory() as folder:
            cache = str(Path(folder) / "vectores.sqlite") if cached else ""
            cold = embed_in_child(paths, backbone, cache)
            warm = embed_in_child(paths, backbone, cache) if cached else None
        rows.append(
            dict(
                photos=n,
                seconds=cold["seconds"],
                rate=n / cold["seconds"],
                peak=cold["peak"],
                warm=warm and warm["seconds"],
            )
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fotos", help="carpeta de fotos (si no, CATSDOGS_DATA o los dibujos)")
    parser.add_argument(
        "--numeros", type=int, nargs="+", default=[500, 1000, 2000, 4000], help="números de fotos"
    )
    parser.add_argument("--backbone", default="efficientnet_lite0", help="red")
    parser.add_argument("--sin-cache", action="store_true", help="no usar caché")
    parser.add_argument("--json", help="archivo donde dejar las medidas")
    args = parser.parse_args()
    from catsdogs_clustering.dataset import example_photos, list_images

    photos = list_images(args.fotos) if args.fotos else example_photos()
    rows = growth(photos, args.numeros, args.backbone, not args.sin_cache)
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1))
    for r in rows:
        warm = (
            ""
            if r["warm"] is None
            else f", otra vez {r['warm']:.2f} s ({r['seconds'] / r['warm']:.0f} veces menos)"
        )
        print(
            f"{r['photos']:6} fotos: {r['seconds']:.1f} s, {r['rate']:.0f} por segundo{warm}, "
            f"memoria {r['peak'] / 1e6:.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
