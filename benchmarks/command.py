"""Mide la orden `catsdogs` como la vive quien la usa: procesos enteros, desde que se escribe hasta que acaba.

    python benchmarks/command.py                      las fotos de CATSDOGS_DATA, o los dibujos
    python benchmarks/command.py --numero 4000 --nuevas 1000 --repeticiones 5

Cada medida se hace en una carpeta vacía, sin nada de otras veces. Se entrena con unas fotos y se compara
con lo que tarda un proceso que sólo las convierte en vectores, con la misma red y las mismas vistas.
Después, con el modelo guardado, se pregunta por una foto (varias veces, cada vez una distinta, que la
caché no conoce) y por muchas de golpe: su ritmo se compara con el del transformador ya en marcha, sin
contar lo que tarda en arrancar. Las fotos nuevas son el espejo de otras: así no las conoce ninguna
caché. Por último llega un 1 % de fotos nuevas y el modelo se pone al día (`entrenar --seguir`): el tiempo
que cuesta, también el de procesador, se compara con el del primer entrenamiento. Y con cien mil vectores
al azar se cronometra una pregunta de «más como ésta», como la hace la orden: sin resumirlos antes.
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

EMBED = """
import json, sys, time
from catsdogs_clustering.embedding import ImageEmbedder
cache, *paths = open(sys.argv[1], encoding="utf-8", errors="surrogateescape").read().split("\\n")
embedder = ImageEmbedder("efficientnet_lite2", views=("crop", "whole"), cache=cache, progress=False).fit()
start = time.perf_counter()
embedder.embed(paths)
print(json.dumps(time.perf_counter() - start))
"""


def timed(command: list, home: Path) -> tuple:  # (segundos, lo que ha escrito)
    "Ejecuta un proceso entero y lo cronometra."
    start = time.perf_counter()
    done = subprocess.run(
        [str(c) for c in command],
        env=os.environ | {"CATSDOGS_HOME": str(home)},
        text=True,
        capture_output=True,
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command[:6]))}…\n{done.stderr}")
    return seconds, done.stdout


def busy() -> float:  # segundos de procesador de los procesos que han acabado
    "Lo que han trabajado los procesos que ha lanzado este."
    times = os.times()
    return times.children_user + times.children_system


def update(
    photos: Path, new: list, model: Path, home: Path, catsdogs: list
) -> tuple:  # segundos, y de procesador
    "Añade fotos a la carpeta y pone al día el modelo."
    for i, path in enumerate(new):
        (photos / f"nueva {i:05}{path.suffix}").symlink_to(Path(path).resolve())
    before = busy()
    seconds, _ = timed([*catsdogs, "entrenar", photos, "--seguir", model, "--quieto"], home)
    return seconds, busy() - before


def search(n: int, width: int = 1280, questions: int = 20) -> float:  # segundos, la mediana
    "Lo que tarda una pregunta entre `n` vectores al azar, ya cargados."
    import numpy as np

    from catsdogs_clustering.search import PhotoSearch

    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((n, width), dtype=np.float32)
    place, times = PhotoSearch([f"{i}.jpg" for i in range(n)], vectors, once=True), []
    for query in vectors[:questions]:
        start = time.perf_counter()
        place.nearest(query, 12)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def embed(paths: list, home: Path, folder: Path) -> tuple:  # segundos del proceso, y sólo de convertir
    "Convierte fotos en vectores en un proceso nuevo, con una caché nueva en `home`."
    listing = folder / "rutas.txt"
    listing.write_text(
        "\n".join(map(str, [home / "solo.sqlite", *paths])), encoding="utf-8", errors="surrogateescape"
    )
    whole, inner = timed([sys.executable, "-c", EMBED, listing], home)
    return whole, json.loads(inner)


def link(paths: list, folder: Path) -> Path:  # la carpeta, con enlaces a las fotos
    "Reúne unas fotos en una carpeta."
    folder.mkdir()
    for i, path in enumerate(paths):
        (folder / f"{i:05}{path.suffix}").symlink_to(Path(path).resolve())
    return folder


def mirrored(photos: list, n: int, folder: Path) -> list:  # n fotos que ninguna caché conoce
    "Escribe en una carpeta el espejo de unas fotos."
    from PIL import Image, ImageOps

    (folder / "espejos").mkdir()
    found = []
    for i in range(n):
        found.append(folder / "espejos" / f"{i:05}.jpg")
        with Image.open(photos[i * len(photos) // n % len(photos)]) as image:
            ImageOps.mirror(image.convert("RGB")).save(found[-1], quality=95)
    return found


def measure(photos: list, new: list, repeats: int, folder: Path) -> dict:
    "Todas las medidas, en segundos, en razones y en bytes."
    catsdogs, model = (
        [sys.executable, "-c", "from catsdogs_clustering.commands.start import main; main()"],
        folder / "modelo.skops",
    )
    only, home, fresh = folder / "sólo", folder / "hogar", folder / "otro"
    for place in (only, home, fresh):
        place.mkdir()
    help_ = statistics.median(timed([*catsdogs, "--help"], home)[0] for _ in range(repeats))
    embedding, _ = embed(photos, only, folder)
    before = busy()
    training, _ = timed(
        [*catsdogs, "entrenar", link(photos, folder / "fotos"), "--modelo", model, "--quieto"], home
    )
    training_cpu, joining = busy() - before, max(1, len(photos) // 100)
    new, joined = new[:-joining], new[-joining:]
    ones = [timed([*catsdogs, "predecir", model, path], home)[0] for path in new[:repeats]]
    _, inner = embed(new[repeats:], only, folder)
    many, _ = timed([*catsdogs, "predecir", model, link(new[repeats:], folder / "nuevas"), "--quieto"], home)
    updating, updating_cpu = update(folder / "fotos", joined, model, home, catsdogs)
    return dict(
        photos=len(photos),
        new=len(new) - repeats,
        help=help_,
        embedding=embedding,
        training=training,
        training_cpu=training_cpu,
        joined=len(joined),
        updating=updating,
        updating_cpu=updating_cpu,
        ones=ones,
        rate=(len(new) - repeats) / inner,
        command_rate=(len(new) - repeats) / many,
        bytes=model.stat().st_size,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fotos", help="carpeta de fotos (si no, CATSDOGS_DATA o los dibujos)")
    parser.add_argument("--numero", type=int, default=4000, help="fotos con las que se entrena")
    parser.add_argument("--nuevas", type=int, default=1000, help="fotos que se reparten después")
    parser.add_argument(
        "--repeticiones", type=int, default=5, help="veces que se pregunta por una foto, y que se pide ayuda"
    )
    parser.add_argument("--buscar", type=int, default=100_000, help="vectores entre los que se busca")
    parser.add_argument("--json", help="archivo donde dejar las medidas")
    args = parser.parse_args()
    from catsdogs_clustering.dataset import example_photos, list_images

    photos = list_images(args.fotos) if args.fotos else example_photos()
    photos = photos[:: max(1, len(photos) // args.numero)][: args.numero]
    with tempfile.TemporaryDirectory() as folder:
        new = mirrored(photos, args.nuevas + args.repeticiones + max(1, len(photos) // 100), Path(folder))
        m = measure(photos, new, args.repeticiones, Path(folder))
    print(
        f"entrenar con {m['photos']} fotos: {m['training']:.1f} s; "
        f"sólo convertirlas, {m['embedding']:.1f} s; razón {m['training'] / m['embedding']:.3f}"
    )
    print(
        f"predecir una foto: {statistics.median(m['ones']):.2f} s "
        f"[{min(m['ones']):.2f}, {max(m['ones']):.2f}]"
    )
    print(
        f"predecir {m['new']} fotos: {m['command_rate']:.1f} por segundo, "
        f"el {m['command_rate'] / m['rate']:.0%} del transformador en marcha"
    )
    print(
        f"ponerlo al día con {m['joined']} fotos más: {m['updating']:.1f} s, el "
        f"{m['updating'] / m['training']:.1%} de entrenar; de procesador, {m['updating_cpu']:.1f} s, el "
        f"{m['updating_cpu'] / m['training_cpu']:.1%}"
    )
    print(f"una pregunta entre {args.buscar} fotos, ya cargadas: {1000 * search(args.buscar):.0f} ms")
    print(f"el modelo ocupa {m['bytes'] / 1e6:.2f} MB; --help tarda {m['help']:.2f} s")
    if args.json:
        Path(args.json).write_text(json.dumps(m, indent=1))


if __name__ == "__main__":
    main()
