"""De una carpeta como la de cualquiera a carpetas ordenadas: la hace, la ordena y cuenta cómo ha ido.

    python benchmarks/foreign.py ajenas               (una vez; fotos de paquetes públicos)
    python .ci/website.py                             (una vez; el sitio, del que salen las capturas)
    python benchmarks/own_folder.py carpeta --ajenas ajenas

Deja en `carpeta` quinientas fotos de siete tipos, mezcladas, en HEIC, JPEG y PNG, con los nombres que pone
un teléfono, en carpetas con espacios y acentos, con las carpetas de sistema que dejan un NAS y un ordenador,
y con archivos rotos. Después hace lo que haría quien sólo ha leído `catsdogs --help`, y dice cuánto tarda
cada orden y, como aquí sí se sabe qué es cada foto, cuántas han quedado en una carpeta de su tipo.
Los gatos y los perros son los de `CATSDOGS_DATA`. Con `--sin-ordenar`, sólo hace la carpeta.
"""

import argparse
import csv
import io
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from PIL import Image
from pillow_heif import register_heif_opener

from catsdogs_clustering.common.numbers import count, decimal, percent
from catsdogs_clustering.dataset import draw_sample, label_from_name, list_images

COUNTS = dict(gatos=110, perros=110, peces=28, monumentos=49, fondos=75, capturas=70, dibujos=58)
PLACES = [
    "Cámara/2023/05 mayo",
    "Cámara/2023/06 junio (viaje)",
    "Cámara/2024/Año nuevo",
    "DCIM/100APPLE",
    "WhatsApp Images",
    "Sin ordenar/Nueva carpeta (2)",
    "Sin ordenar/ñandú & cía",
]
CLUTTER = {
    "Cámara/@eaDir/IMG_0001.JPG/SYNOPHOTO_THUMB_M.jpg": b"una miniatura del NAS",
    "Cámara/.thumbnails/1.jpg": b"una miniatura oculta",
    "DCIM/100APPLE/._IMG_0002.JPG": b"lo que un Mac deja al lado",
    "DCIM/100APPLE/IMG_0003.MOV": b"\0\0\0\x14ftypqt  ",
    "Cámara/Thumbs.db": b"miniaturas de Windows",
    "#recycle/IMG_0004.JPG": b"lo tirado",
    "notas del viaje.txt": b"Comprar pilas.",
    "Sin ordenar/IMG_9001.jpg": b"",
    "Sin ordenar/IMG_9002.jpg": b"<!doctype html><title>404</title>",
    "Sin ordenar/IMG_9003.HEIC": b"\0\0\0\x18ftypheic\0\0\0\0",
    "Sin ordenar/IMG_9004.jpg": b"no soy una foto",
}  # lo que hay, además de fotos; las cuatro últimas son archivos rotos, y se deben nombrar


def screenshots(site: Path, n: int) -> list:  # imágenes
    "Capturas de las páginas del sitio, como las de un teléfono: de día y de noche, por sitios distintos."
    from playwright.sync_api import sync_playwright

    pages, taken = sorted(site.rglob("*.html")), []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"))
        for theme in ("light", "dark"):
            page = browser.new_page(
                viewport={"width": 390, "height": 844}, device_scale_factor=2, color_scheme=theme
            )
            for i, path in enumerate(pages[: -(-n // 2)]):
                page.goto(path.resolve().as_uri())
                page.evaluate(f"scrollTo(0, {i % 4} * 900)")
                taken.append(Image.open(io.BytesIO(page.screenshot())))
        browser.close()
    return taken[:n]


def sources(foreign: Path, site: Path, scratch: Path) -> dict:  # tipo → rutas o imágenes
    "De dónde sale cada tipo."
    ours = list_images(os.environ["CATSDOGS_DATA"])
    kind = lambda name: [path for path in ours if label_from_name(path) == name]
    return {
        "gatos": kind("cat"),
        "perros": kind("dog"),
        "peces": sorted(foreign.glob("animales/*categorization*")),
        "monumentos": sorted(foreign.glob("fotos/*explore_monuments*")),
        "fondos": sorted(foreign.glob("fondos/*")),
        "capturas": screenshots(site, COUNTS["capturas"]),
        "dibujos": draw_sample(scratch, n=COUNTS["dibujos"]),
    }


def save(image: Image.Image, stem: Path, way: int) -> Path:  # el archivo
    "Guarda una foto de una de las maneras en que las guarda un teléfono."
    stem.parent.mkdir(parents=True, exist_ok=True)
    if way == 0:
        image.save(path := stem.with_suffix(".HEIC"), quality=70)
    elif way == 1:
        image.save(path := stem.with_suffix(".PNG"))
    elif way == 2:  # girada, y la orientación en sus metadatos
        exif = Image.Exif()
        exif[0x0112] = 6
        image.rotate(90, expand=True).save(path := stem.with_suffix(".JPG"), exif=exif, quality=85)
    else:
        image.save(path := stem.with_suffix(".jpeg"), quality=80)
    return path


def build(dest: Path, foreign: Path, site: Path) -> dict:  # foto → tipo
    "Hace la carpeta; la misma semilla, la misma carpeta."
    register_heif_opener()
    rng, truth = random.Random(0), {}
    found = sources(foreign, site, dest.with_name(dest.name + " dibujos"))
    jobs = [(kind, item) for kind, n in COUNTS.items() for item in rng.sample(found[kind], n)]
    rng.shuffle(jobs)
    for i, (kind, item) in enumerate(jobs, 1):
        image = (item if isinstance(item, Image.Image) else Image.open(item)).convert("RGB")
        image.thumbnail((1600, 1600))
        truth[save(image, dest / rng.choice(PLACES) / f"IMG_{i:04}", rng.choice([0, 0, 1, 2, 3]))] = kind
    for name, data in CLUTTER.items():
        (dest / name).parent.mkdir(parents=True, exist_ok=True)
        (dest / name).write_bytes(data)
    return truth


def order(line: list, work: Path, good: tuple = (0, 1)) -> str:  # lo que escribe
    "Ejecuta una orden como quien la escribe, y dice cuánto ha tardado."
    start = time.perf_counter()
    done = subprocess.run(["catsdogs", *line], cwd=work, capture_output=True, text=True)
    print(f"\n$ catsdogs {' '.join(line)}   ({time.perf_counter() - start:.0f} s, código {done.returncode})")
    print(done.stdout + done.stderr)
    if done.returncode not in good:
        sys.exit(f"la orden ha salido con el código {done.returncode}")
    return done.stdout


def sit_down(dest: Path, truth: dict, k: str) -> None:
    "De una sentada: mirar, entrenar, ordenar y buscar; y al final, cuántas están con las de su tipo."
    work, name = dest.parent, dest.name
    order(["explorar", name], work)
    order(["entrenar", name, "--k", "auto", "--modelo", f"{name}.auto.skops"], work)
    order(["entrenar", name, "--k", k, "--modelo", f"{name}.skops", "--forzar"], work)
    order(["predecir", f"{name}.skops", name, "--organizar", f"{name} ordenada", "--csv", "grupos.csv"], work)
    order(["buscar", f"{name}.skops", str(next(iter(truth)).relative_to(work)), "--en", name], work)
    with open(work / "grupos.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["grupo"]]
    kinds = {str(path.relative_to(work)): kind for path, kind in truth.items()}
    groups = {group: Counter() for group in sorted({row["grupo"] for row in rows})}
    for row in rows:
        groups[row["grupo"]][kinds[row["archivo"]]] += 1
    for group, counter in groups.items():
        print(f"grupo {group}: {json.dumps(dict(counter.most_common()), ensure_ascii=False)}")
    right = sum(counter.most_common(1)[0][1] for counter in groups.values())
    print(f"con las de su tipo: {right} de {count(len(rows), 'foto')}, {percent(right / len(rows))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("carpeta", type=Path, help="dónde hacerla; no debe existir")
    parser.add_argument("--ajenas", type=Path, required=True, help="lo que dejó benchmarks/foreign.py")
    parser.add_argument("--sitio", type=Path, default=Path("_docs"), help="el sitio construido")
    parser.add_argument("--k", default=str(len(COUNTS)), help="cuántos grupos pedir al final")
    parser.add_argument("--sin-ordenar", action="store_true", help="sólo hace la carpeta")
    args = parser.parse_args()
    if args.carpeta.exists():
        parser.error(f"«{args.carpeta}» ya existe: elige otra carpeta")
    truth = build(args.carpeta.absolute(), args.ajenas, args.sitio)
    size = sum(path.stat().st_size for path in truth) / 1e6
    print(f"{count(len(truth), 'foto')} de {len(COUNTS)} tipos, {decimal(size, 0)} MB")
    if not args.sin_ordenar:
        sit_down(args.carpeta.absolute(), truth, args.k)


if __name__ == "__main__":
    main()
