"""Una carpeta de muchos archivos, de punta a punta: de las fotos al informe, con un corte a la mitad.

    python benchmarks/many_files.py --numero 2000
    python benchmarks/many_files.py --numero 100000 --apuntar medidas.jsonl

Se hace una carpeta con copias de las fotos de CATSDOGS_DATA (o de los dibujos), cada una con unos bytes más
al final para que ninguna sea igual que otra, y se le pide `catsdogs entrenar`. Cuando ya tiene la mitad de
los vectores recibe SIGKILL; otro proceso empieza de nuevo con la misma caché. Se apunta lo que tarda cada
uno, lo que ocupa (lo más que ha llegado a ocupar, VmHWM, y sin contar archivos, RssAnon) y cuántos vectores
quedaron guardados; y al final, lo que tarda la red con fotos ya preparadas, que es el tope. Las copias se
borran al acabar. Funciona en Linux.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path


def make_copies(photos: list, n: int, folder: Path) -> None:
    "Copia las fotos tantas veces como haga falta, en carpetas de mil, sin que haya dos iguales."
    for i in range(n):
        path = Path(photos[i % len(photos)])
        place = folder / f"{i // 1000:04}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i:07} {path.name}").write_bytes(path.read_bytes() + i.to_bytes(4, "big"))


def memory(pid: int) -> dict:  # bytes; vacío si el proceso ha acabado
    "Lo que ocupa un proceso, y lo más que ha ocupado."
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {name: 1024 * int(value.split()[0]) for name, value in (line.split(":", 1) for line in lines)
            if name in ("VmHWM", "RssAnon")}  # fmt: skip


def stored(cache: Path) -> int:
    "Cuántos vectores hay en la caché."
    try:
        with closing(sqlite3.connect(f"file:{cache}?mode=ro", uri=True)) as db:
            return db.execute("SELECT count(*) FROM vectors").fetchone()[0]
    except sqlite3.OperationalError:  # todavía no existe
        return 0


def train(command: list, home: Path, until: int | None) -> dict:  # segundos, procesador, memoria y vectores
    "Lanza la orden; si se dice, la mata cuando ha guardado tantos vectores."
    cache, peak, start, before = home / "vectores.sqlite", {}, time.perf_counter(), os.times()
    process = subprocess.Popen(command, env=os.environ | {"CATSDOGS_HOME": str(home)}, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    while process.poll() is None:
        for name, size in memory(process.pid).items():
            peak[name] = max(size, peak.get(name, 0))
        if until is not None and stored(cache) >= until:
            process.kill()
        time.sleep(0.2)
    out, told = process.communicate()
    if process.returncode != (0 if until is None else -9):
        raise SystemExit(f"La orden ha acabado con {process.returncode}.\n{told}")
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    facts = dict(seconds=time.perf_counter() - start, cpu=spent, peak=peak, stored=stored(cache))
    return facts if until is not None else facts | dict(answer=json.loads(out))


def measure(photos: list, n: int, backbone: str, views: str) -> dict:
    "Hace la carpeta, entrena con un corte a la mitad, y la borra."
    with tempfile.TemporaryDirectory(prefix="catsdogs-muchas-") as place:
        folder, home = Path(place) / "fotos", Path(place) / "casa"
        home.mkdir()
        start = time.perf_counter()
        make_copies(photos, n, folder)
        row = dict(files=n, backbone=backbone, views=views, copying=time.perf_counter() - start)
        run = "from catsdogs_clustering.commands.cli import main; main()"
        command = [sys.executable, "-c", run, "entrenar", str(folder),
                   "--modelo", f"{place}/modelo.skops", "--backbone", backbone, "--vistas", views,
                   "--quieto", "--json"]  # fmt: skip
        row["killed"] = train(command, home, until=n // 2)
        row["whole"] = train(command, home, until=None)
        answer = row["whole"].pop("answer")
        row["report"] = (Path(place) / "informe.html").stat().st_size
        row["model"] = (Path(place) / "modelo.skops").stat().st_size
        row["groups"] = [group["fotos"] for group in answer["grupos"]]
    if sum(row["groups"]) != n:
        raise SystemExit(f"Se han agrupado {sum(row['groups'])} fotos de {n}.")
    return row


def forward_only(name: str, photos: list, turns: int = 5) -> float:  # ms por foto
    "Lo que tarda la red sola, con las fotos ya preparadas: la mejor de varias vueltas."
    from catsdogs_clustering.networks.backbones import load_backbone, preprocess
    from catsdogs_clustering.networks.engines import load_engine
    from catsdogs_clustering.photos.reading import decode_pixels, read_bytes

    engine = load_engine(load_backbone(name))
    prep, best = engine.backbone.preprocessing, float("inf")
    pixels = [preprocess(decode_pixels(read_bytes(path), path), prep) for path in photos]
    engine(pixels)  # calentar
    for _ in range(turns):
        start = time.perf_counter()
        engine(pixels)
        best = min(best, time.perf_counter() - start)
    return 1000 * best / len(pixels)


def tell(row: dict) -> str:
    "Una medida, en una línea."
    killed, whole = row["killed"], row["whole"]
    most, own = (whole["peak"][name] / 1e6 for name in ("VmHWM", "RssAnon"))
    return (
        f"{row['files']} archivos ({row['backbone']}, {row['views']}): cortado a los "
        f"{killed['seconds']:.0f} s, con {killed['stored']} vectores guardados; y luego, hasta el informe, "
        f"{whole['seconds']:.0f} s (procesador {whole['cpu']:.0f}), {most:.0f} MB como mucho "
        f"({own:.0f} sin contar archivos); informe {row['report'] / 1e6:.1f} MB, "
        f"modelo {row['model'] / 1e6:.1f} MB; la red sola, {row['network']:.2f} ms por foto"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--numero", type=int, default=2000, help="cuántos archivos (2000)")
    parser.add_argument("--backbone", default="efficientnet_lite0", help="red (efficientnet_lite0)")
    parser.add_argument("--vistas", default="crop", help="qué se mira de cada foto (crop)")
    parser.add_argument("--apuntar", help="archivo al que añadir la medida, en una línea de JSON")
    args = parser.parse_args()
    from catsdogs_clustering.dataset import example_photos

    photos = example_photos()
    row = measure(photos, args.numero, args.backbone, args.vistas)
    row["network"] = forward_only(args.backbone, photos[:512])
    print(tell(row))
    if args.apuntar:
        with open(args.apuntar, "a", encoding="utf-8") as notes:
            notes.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
