"""Mata muchas veces a un proceso que calcula vectores, y comprueba que no se pierde ni se estropea nada.

    python benchmarks/kills.py                       200 muertes, con dibujos
    python benchmarks/kills.py --kills 20 --photos CARPETA

Un proceso convierte fotos en vectores con una caché. En un momento al azar recibe SIGKILL: el sistema lo
elimina sin dejarle despedirse. Otro proceso retoma el trabajo con la misma caché, y también muere; y así
hasta el final. Tras cada muerte se mira la caché: tiene que estar sana y no contener nada que no sea,
bit a bit, el vector de un proceso al que nadie molestó. Cuando una vuelta acaba entera, se comparan
todos sus vectores y se empieza otra con la caché vacía.

La red es pequeña y sus pesos son al azar: aquí no importa lo que sepa, sino que no se pierda lo que calcula.
Funciona en Linux y en macOS.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np


def embed(paths: list[Path], cache: Path, backbone: str, started=None) -> np.ndarray:
    "Convierte las fotos en vectores; avisa cuando la red está lista y empieza el trabajo."
    from catsdogs_clustering.embedding import ImageEmbedder

    embedder = ImageEmbedder(
        backbone,
        weights=None,
        device="cpu",
        engine="torch",
        precision="float32",
        batch_size=4,
        cache=cache,
        progress=False,
    ).fit()
    if started is not None:
        started.set()
    return embedder.transform(paths)


def worker(paths, cache, backbone, started, result):
    "Lo que hace cada proceso: convertir y, si llega al final, dejar los vectores en un archivo."
    from catsdogs_clustering.common.writers import whole_file

    vectors = embed(paths, cache, backbone, started)
    with whole_file(result) as partial:  # también a éste lo pueden matar mientras escribe
        np.save(partial, vectors)


def stored(cache: Path) -> dict[bytes, bytes]:
    "Lo que hay en una caché, tras comprobar que está sana."
    with closing(sqlite3.connect(cache)) as db:
        verdict = db.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            raise SystemExit(f"caché corrupta: {verdict}")
        if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return {}  # murió al crearla
        return dict(db.execute("SELECT photo, vector FROM vectors"))


def run(kills: int, paths: list[Path], folder: Path, backbone: str, seed: int = 0) -> dict:
    "Mata `kills` procesos y cuenta lo que pasó; termina con un error si algo se pierde o se estropea."
    start = multiprocessing.get_context("fork")
    timer = random.Random(seed)
    calm = folder / "tranquila.sqlite"
    expected = embed(paths, calm, backbone)
    seconds, reference, report = (
        time.perf_counter(),
        stored(calm),
        dict(muertes=0, vueltas=0, retomadas=0, vectores=0, corruptos=0),
    )
    embed(paths, folder / "medida.sqlite", backbone)
    seconds = time.perf_counter() - seconds  # lo que dura una vuelta sin que nadie moleste
    while report["muertes"] < kills:
        cache, result = folder / f"vuelta {report['vueltas']}.sqlite", folder / "vectores.npy"
        result.unlink(missing_ok=True)
        while not result.exists():
            started = start.Event()
            process = start.Process(target=worker, args=(paths, cache, backbone, started, result))
            process.start()
            if report["muertes"] < kills:
                started.wait(60)
                process.join(timer.uniform(0, seconds / 3))
                if process.is_alive():
                    process.kill()
                    report["muertes"] += 1
            process.join()
            if process.exitcode not in (0, -signal.SIGKILL):
                raise SystemExit("un proceso acabó mal sin que nadie lo matara")
            found = stored(cache)
            if any(reference[photo] != vector for photo, vector in found.items()):
                raise SystemExit("un vector cambió")
            report["retomadas"] += 0 < len(found) < len(reference)
        if not np.array_equal(np.load(result), expected):
            raise SystemExit("los vectores no son los de una vuelta tranquila")
        report["vueltas"] += 1
        report["vectores"] += len(expected)
    return report


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200, help="cuántos procesos se matan (200)")
    parser.add_argument("--photos", help="carpeta de fotos; sin ella, dibujos")
    parser.add_argument("--n", type=int, default=96, help="cuántas fotos se usan (96)")
    parser.add_argument(
        "--backbone", default="mobilenet_v3_small", help="red de torchvision (mobilenet_v3_small)"
    )
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = (
        "1"  # antes de cargar torch: los procesos se bifurcan, y sus hilos no sobreviven a eso
    )
    from catsdogs_clustering.dataset import list_images
    from catsdogs_clustering.photos.drawings import draw_sample

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if not args.photos:
            draw_sample(folder / "dibujos", n=args.n)
        paths = list_images(args.photos or folder / "dibujos")[: args.n]
        report = run(args.kills, paths, folder, args.backbone)
    print(json.dumps(report | dict(imagenes=len(paths), backbone=args.backbone), ensure_ascii=False))


if __name__ == "__main__":
    main()
