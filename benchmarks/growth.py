"""Mide cómo crecen el tiempo y la memoria con el número de fotos, y lo que ahorra la caché.

    python benchmarks/growth.py                        las fotos de CATSDOGS_DATA, o los dibujos
    python benchmarks/growth.py --numeros 1000 4000 40000
    python benchmarks/growth.py --vectores --numeros 16000 64000 256000 --apuntar medidas.jsonl

Cada medida se hace en un proceso nuevo, con una caché nueva: una primera vez (fría) y otra igual
(templada). Si se piden más fotos de las que hay, se repiten; sin caché, cada repetición se calcula
de nuevo. Las fotos se piden de tanda en tanda (`embed_batches`) y los vectores no se guardan: la
memoria que se mide, el máximo que ha ocupado el proceso (ru_maxrss), es la que cuesta calcular.

Con `--vectores` se mide lo que viene después, de los vectores a los grupos, el detector y el informe. Los
vectores se inventan a partir de los de las fotos y están en un archivo, con 16 bits; cada parte va en un
proceso nuevo, y la memoria es la propia (RssAnon), sin la del archivo: por eso sólo funciona en Linux.
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


VECTORS_CHILD = """
import hashlib, json, os, pickle, sys, threading, time
import numpy as np
import pandas as pd

task, folder, method, n = sys.argv[1:4] + [int(sys.argv[4])]
X = np.load(f"{folder}/{n}.npy", mmap_mode="r")


def own_memory():  # la del proceso, sin los archivos que tiene a la vista
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("RssAnon"))


def watch():
    while not done.wait(0.02):
        peak[0] = max(peak[0], own_memory())


def groups():
    from catsdogs_clustering.methods import make_clusterer
    from catsdogs_clustering.naming import cluster_centers, photo_scores
    from catsdogs_clustering.outliers import OutlierDetector

    model = make_clusterer(method).fit(X)
    proba = model.predict_proba(X)
    photo_scores(X, proba, cluster_centers(X, proba.argmax(axis=1), model.n_clusters))
    detector = OutlierDetector().fit(X)
    np.savez(f"{folder}/{n}.npz", labels=proba.argmax(axis=1), scores=detector.training_scores_)
    digest = hashlib.sha256(proba.tobytes() + detector.training_scores_.tobytes()).hexdigest()
    return dict(file=sum(len(pickle.dumps(part)) for part in (model, detector)), digest=digest)


def report():
    from catsdogs_clustering.report import write_report

    labels = np.load(f"{folder}/{n}.npz")["labels"]
    paths = json.load(open(f"{folder}/{n}.json"))
    write_report(f"{folder}/informe.html", pd.DataFrame(dict(path=paths, cluster=labels)), X)
    return dict(file=os.path.getsize(f"{folder}/informe.html"))


def exact():
    from catsdogs_clustering import methods
    from sklearn.metrics import adjusted_rand_score

    rows = np.sort(np.random.default_rng(1).choice(n, min(n, 64_000), replace=False))
    methods.MOST_EXACT = n  # sin muestra
    model = methods.make_clusterer(method).fit(np.asarray(X[rows], dtype=np.float32))
    return dict(ari=adjusted_rand_score(model.labels_, np.load(f"{folder}/{n}.npz")["labels"][rows]))


done, peak, start, cpu = threading.Event(), [0], time.perf_counter(), time.process_time()
watcher = threading.Thread(target=watch, daemon=True)
watcher.start()
answer = dict(groups=groups, report=report, exact=exact)[task]()
done.set()
watcher.join()
told = dict(seconds=time.perf_counter() - start, cpu=time.process_time() - cpu, peak=peak[0])
told |= answer
print(json.dumps(told))
"""


def make_vectors(vectors, photos: list, n: int, folder: str, seed: int = 0) -> None:
    """Inventa `n` vectores a partir de los de unas fotos y los deja en un archivo, con 16 bits.

    Cada uno es el de una foto, llevado hasta medio camino de dos de sus diez vecinas y con un poco de ruido
    (un 15 % de la distancia corriente entre dos fotos): no son copias, pero se parecen más entre sí que
    otras tantas fotos de verdad.
    """
    import numpy as np
    from sklearn.neighbors import NearestNeighbors
    from sklearn.preprocessing import normalize

    rng, unit = np.random.default_rng(seed), normalize(vectors)
    near = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(unit).kneighbors(return_distance=False)
    usual = np.median(np.linalg.norm(unit - unit[rng.permutation(len(unit))], axis=1))
    shape = (n, unit.shape[1])
    made, which = np.lib.format.open_memmap(f"{folder}/{n}.npy", "w+", np.float16, shape), []
    for start in range(0, n, 8192):
        size = min(8192, n - start)
        one = rng.integers(len(unit), size=size)
        rows = unit[one]
        for _ in range(2):
            other = near[one, rng.integers(near.shape[1], size=size)]
            rows = rows + rng.uniform(0, 0.5, (size, 1)).astype(np.float32) * (unit[other] - unit[one])
        noise = rng.normal(size=rows.shape).astype(np.float32)
        made[start : start + size] = rows + noise * (0.15 * usual / np.sqrt(shape[1]))
        which += one.tolist()
    made.flush()
    Path(f"{folder}/{n}.json").write_text(json.dumps([str(photos[i]) for i in which]))


def measure_vectors(task: str, folder: str, method: str, n: int) -> dict:  # seconds, cpu, peak y lo suyo
    "Hace una parte del trabajo en un proceso nuevo y devuelve sus medidas."
    command = [sys.executable, "-c", VECTORS_CHILD, task, folder, method, str(n)]
    return json.loads(subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout)


def vectors_growth(
    photos: list, numbers: list, backbone: str, method: str, exact: int
):  # una fila por número
    "De vectores a grupos y detector, y de ahí al informe, con cada vez más vectores."
    from catsdogs_clustering.embedding import ImageEmbedder
    from catsdogs_clustering.networks.cache import default_cache

    embedder = ImageEmbedder(backbone, views=("crop", "whole"), cache=default_cache(), progress=False)
    vectors = embedder.transform(photos)
    for n in numbers:
        with tempfile.TemporaryDirectory() as folder:
            make_vectors(vectors, photos, n, folder)
            row = dict(vectors=n, groups=measure_vectors("groups", folder, method, n))
            if n <= exact:
                row["exact"] = measure_vectors("exact", folder, method, n)
            row["report"] = measure_vectors("report", folder, method, n)
            yield row


def tell_vectors(row: dict) -> str:
    "Una fila de la tabla."
    groups, exact, report = row["groups"], row.get("exact"), row["report"]
    ari = "—" if exact is None else f"{exact['ari']:.4f} (exacto: {exact['seconds']:.0f} s)"

    def spent(part):
        return f"{part['seconds']:.1f} s (procesador {part['cpu']:.1f}), {part['peak'] / 1e6:.0f} MB"

    return "; ".join(
        [
            f"{row['vectors']:8} vectores: grupos y detector {spent(groups)}",
            f"modelo {groups['file'] / 1e6:.1f} MB",
            f"ARI con el exacto {ari}",
            f"mapa e informe {spent(report)}",
            f"huella {groups['digest'][:12]}",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fotos", help="carpeta de fotos (si no, CATSDOGS_DATA o los dibujos)")
    parser.add_argument(
        "--numeros", type=int, nargs="+", default=[500, 1000, 2000, 4000], help="números de fotos"
    )
    parser.add_argument("--backbone", default="efficientnet_lite0", help="red")
    parser.add_argument("--sin-cache", action="store_true", help="no usar caché")
    parser.add_argument("--json", help="archivo donde dejar las medidas")
    parser.add_argument("--apuntar", help="con --vectores, archivo al que añadir una línea por medida")
    parser.add_argument("--vectores", action="store_true", help="medir lo que viene después de los vectores")
    parser.add_argument("--metodo", default="recommended", help="método, con --vectores")
    parser.add_argument(
        "--exacto", type=int, default=256_000, help="hasta cuántos vectores se compara con el cálculo exacto"
    )
    args = parser.parse_args()
    from catsdogs_clustering.dataset import example_photos, list_images

    photos = list_images(args.fotos) if args.fotos else example_photos()
    if args.vectores:
        rows = []
        for row in vectors_growth(photos, args.numeros, args.backbone, args.metodo, args.exacto):
            rows.append(row)
            print(tell_vectors(row), flush=True)
            if args.apuntar:
                with open(args.apuntar, "a", encoding="utf-8") as notes:
                    notes.write(json.dumps(row) + "\n")
        if args.json:
            Path(args.json).write_text(json.dumps(rows, indent=1))
        return
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
