"""Lo que se pierde al repartir los vectores con Ray en una sola máquina, y con qué forma de trabajadores.

    python benchmarks/distributed.py [CARPETA] [--fotos 2000] [--vueltas 3] [--red efficientnet_lite0]
    python benchmarks/distributed.py --tamaños 1000 8000
    python benchmarks/distributed.py --apuntar medidas.jsonl

Las fotos son copias de las de la carpeta con un byte cambiado, que se hacen y se borran. En cada vuelta se
hacen los mismos vectores de tres maneras, en procesos aparte y por turnos: el transformador solo, un
trabajador de Ray con todos los núcleos y uno por núcleo. El ritmo es el de régimen: desde que está la
primera parte de cada uno hasta que está la última, sin contar lo que tarda en arrancar. Se comparan dentro
de cada vuelta, y se da la mediana. Con --tamaños, el tiempo por foto y la memoria de quien da la orden. Con
--apuntar, además, una línea de JSON por medida.
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

from joblib import cpu_count

SHARD = 64  # fotos de cada parte: pocas, para que el ritmo se mida entre muchas
WAYS = {"solo": None, "Ray, un trabajador": cpu_count(), "Ray, uno por núcleo": 1}


def copies(source: Path, dest: Path, n: int) -> None:
    "Hace n fotos distintas: copias con un byte más al final, que no se ve."
    from catsdogs_clustering.dataset import list_images

    photos = list_images(source)
    for i in range(n):
        path = photos[i % len(photos)]
        (dest / f"{i:07}{path.suffix}").write_bytes(path.read_bytes() + bytes([i // len(photos)]))


def rate(dest: Path, workers: int) -> float:  # fotos por segundo
    "El ritmo de régimen, según cuándo se acabó cada parte."
    times = sorted(path.stat().st_mtime for path in dest.glob("parte-*"))[workers - 1 :]
    return SHARD * (len(times) - 1) / (times[-1] - times[0])


def work(folder: str, dest: str, backbone: str, cores: str) -> None:
    "Un proceso: hace los vectores, y escribe lo que ha tardado y la memoria que ha llegado a ocupar."
    import resource

    from catsdogs_clustering.networks.embedder import ImageEmbedder
    from catsdogs_clustering.networks.shards import vectorize

    start, embedder = time.perf_counter(), ImageEmbedder(backbone, progress=False)
    if cores == "0":
        vectorize(folder, dest, embedder, SHARD, progress=False)
    else:
        from catsdogs_clustering.networks.distributed import vectorize_with_ray

        vectorize_with_ray(folder, dest, embedder, SHARD, cores=int(cores), progress=False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(time.perf_counter() - start, peak)


def run(folder: Path, dest: Path, backbone: str, cores: int | None) -> tuple[float, float, float]:
    "Lanza un proceso: segundos, ritmo y memoria."
    command = [sys.executable, __file__, "--trabajo", str(folder), str(dest), backbone, str(cores or 0)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, peak = map(float, done.stdout.split()[-2:])
    return seconds, rate(dest, 1 if cores is None else max(1, cpu_count() // cores)), peak


def note(path: Path | None, **facts) -> None:
    "Apunta una medida, si se ha pedido."
    if path:
        with path.open("a", encoding="utf-8") as notes:
            notes.write(json.dumps(facts, ensure_ascii=False) + "\n")


def shapes(args) -> None:
    "Compara las tres maneras, vuelta a vuelta."
    ratios, starts = {way: [] for way in WAYS}, {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as scratch:
        (folder := Path(scratch) / "fotos").mkdir()
        copies(Path(args.carpeta), folder, args.fotos)
        for turn in range(args.vueltas):
            names = list(WAYS) if turn % 2 == 0 else list(WAYS)[::-1]
            found = {n: run(folder, Path(scratch) / f"{turn} {n}", args.red, WAYS[n]) for n in names}
            for name, (seconds, speed, peak) in found.items():
                ratios[name].append(speed / found["solo"][1])
                starts[name].append(seconds - args.fotos / speed)
                print(f"vuelta {turn + 1}: {name:20} {speed:5.0f} fotos/s, {seconds:5.0f} s, {peak:5.0f} MB")
    for name, values in ratios.items():
        extra = statistics.median(starts[name])
        print(f"{name:20} {statistics.median(values):.2f} del ritmo del transformador; {extra:.0f} s más")
        note(args.apuntar, way=name, photos=args.fotos, ratios=values, extra=extra)


def sizes(args) -> None:
    "El tiempo por foto y la memoria de quien da la orden, con más y más fotos."
    for n in args.tamaños:
        with tempfile.TemporaryDirectory() as scratch:
            (folder := Path(scratch) / "fotos").mkdir()
            copies(Path(args.carpeta), folder, n)
            _, speed, peak = run(folder, Path(scratch) / "vectores", args.red, cpu_count())
            print(f"{n:7} fotos: {1000 / speed:6.2f} ms por foto, {peak:5.0f} MB", flush=True)
            note(args.apuntar, photos=n, ms=1000 / speed, peak=peak)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--trabajo"]:
        work(*sys.argv[2:])
        sys.exit()
    parser = argparse.ArgumentParser(description="Mide lo que cuesta repartir los vectores con Ray.")
    parser.add_argument("carpeta", nargs="?", default=os.environ.get("CATSDOGS_DATA"), help="fotos")
    parser.add_argument("--fotos", type=int, default=2000, help="cuántas")
    parser.add_argument("--vueltas", type=int, default=3, help="cuántas veces se repite todo")
    parser.add_argument("--red", default="efficientnet_lite0", help="qué red")
    parser.add_argument("--tamaños", type=int, nargs="+", help="en vez de eso, con cuántas fotos")
    parser.add_argument("--apuntar", type=Path, metavar="ARCHIVO", help="añade aquí una línea por medida")
    args = parser.parse_args()
    sizes(args) if args.tamaños else shapes(args)
