"""Dibuja la imagen que enseñan el README y otros sitios cuando enlazan a éste.

    python .ci/cover.py              escribe nbs/images/portada.png
    python .ci/cover.py --comprobar  mira si la que hay sigue siendo ésa

Está hecha de los dibujos del paquete, agrupados de verdad: en el repositorio no se guardan fotos.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont, ImageOps
from website import COVER

from catsdogs_clustering.embedding import ImageEmbedder
from catsdogs_clustering.kmeans import fit_kmeans
from catsdogs_clustering.photos.drawings import draw_sample
from catsdogs_clustering.photos.figures import COLORS
from catsdogs_clustering.photos.reading import read_image

SIZE = (1200, 630)  # la medida que piden las tarjetas de otros sitios
INK, PAPER, SOFT = "#102a43", "#ffffff", "#52606d"
TILE, GAP, COLUMNS = 74, 8, 6


def grouped() -> list:  # de cada grupo, doce dibujos
    "Hace unos dibujos y los agrupa sin etiquetas, como en el tutorial."
    with tempfile.TemporaryDirectory() as folder:
        paths = draw_sample(Path(folder) / "dibujos", n=48)
        vectors = ImageEmbedder("efficientnet_lite0", progress=False).transform(paths)
        labels = fit_kmeans(vectors, n_clusters=2).labels_
        first = [[p for p, label in zip(paths, labels, strict=True) if label == g] for g in (0, 1)]
        return [[read_image(p).convert("RGB") for p in group[:12]] for group in first]


def paste(
    canvas: Image.Image,  # dónde
    images: list,  # qué dibujos
    left: int,  # esquina izquierda
    top: int,  # esquina de arriba
) -> None:
    "Pega unos dibujos en filas, con las esquinas redondeadas."
    mask = Image.new("L", (TILE, TILE), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, TILE - 1, TILE - 1), 10, fill=255)
    for i, image in enumerate(images):
        row, column = divmod(i, COLUMNS)
        where = (left + column * (TILE + GAP), top + row * (TILE + GAP))
        canvas.paste(ImageOps.fit(image, (TILE, TILE)), where, mask)


def font(size: int, bold: bool = False):  # tamaño en píxeles, y si va en negrita → letra
    "La letra que trae matplotlib, que es la misma en todas las máquinas."
    weight = "bold" if bold else "normal"
    path = font_manager.findfont(font_manager.FontProperties(family="DejaVu Sans", weight=weight))
    return ImageFont.truetype(path, size)


def draw_cover() -> Image.Image:  # 1200 × 630
    "A la izquierda, los dibujos mezclados; a la derecha, en dos grupos."
    groups = grouped()
    canvas = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(canvas)
    pen.text((60, 44), "Agrupar fotos sin etiquetas", INK, font(52, bold=True))
    pen.text(
        (60, 118), "De una carpeta de fotos a un modelo guardado, paso a paso y en español", SOFT, font(26)
    )
    mixed = [groups[g][i] for g in (0, 1) for i in range(12)]
    order = np.random.default_rng(3).permutation(24)
    wide, block = COLUMNS * (TILE + GAP) - GAP, 2 * (TILE + GAP) - GAP
    paste(canvas, [mixed[i] for i in order], 60, 212)
    pen.line((566, 376, 622, 376), INK, 6)
    pen.polygon([(616, 358), (646, 376), (616, 394)], INK)
    for g, top in enumerate((204, 204 + block + 34)):
        left = SIZE[0] - 60 - wide
        pen.rounded_rectangle((left - 18, top, left - 10, top + block), 4, fill=COLORS[2 + g])
        paste(canvas, groups[g], left, top)
    pen.text((60, 566), "catsdogs_clustering", INK, font(26, bold=True))
    return canvas


if __name__ == "__main__":
    target = Path(__file__).resolve().parents[1] / COVER
    if "--comprobar" in sys.argv[1:-1]:  # la de otra copia del proyecto
        target = Path(sys.argv[-1]) / COVER
    cover = draw_cover()
    if "--comprobar" not in sys.argv:
        target.parent.mkdir(exist_ok=True)
        cover.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)
        print(f"{COVER} escrita")
    elif not target.is_file():
        sys.exit(f"falta {COVER}: ejecuta python .ci/cover.py")
    else:
        saved = np.asarray(Image.open(target).convert("RGB"), dtype=float)
        if saved.shape[:2] != cover.size[::-1] or np.abs(saved - np.asarray(cover)).mean() > 4:
            sys.exit(f"{COVER} ya no es la que dibujamos: ejecuta python .ci/cover.py")
