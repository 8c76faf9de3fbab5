"""Compara los vectores de cada motor con los del camino más sencillo, foto a foto.

    python benchmarks/equality.py                             500 fotos de CATSDOGS_DATA (o los dibujos)
    python benchmarks/equality.py --backbones resnet18 --numero 1000

El camino más sencillo: Pillow, las transformaciones de torchvision y torch en float32, de una en una.
Además de las fotos tal cual se prueban otras ocho veces mayores, que nosotros abrimos ya reducidas. Cada
línea da el peor coseno de un motor; ninguno que se elija solo puede bajar de 0,999. resnet18 y las demás
de torchvision llevan pesos al azar.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np


def plain(backbone, path) -> np.ndarray:
    "El vector de una foto, por el camino más sencillo."
    import torch
    from PIL import Image, ImageOps
    from torchvision.transforms import v2

    prep = backbone.preprocessing
    prepare = v2.Compose(
        [
            v2.Resize(prep.resize, v2.InterpolationMode(prep.interpolation)),
            v2.CenterCrop(prep.crop),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(prep.mean, prep.std),
        ]
    )
    image = prepare(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
    with torch.inference_mode():
        return backbone.model(image[None])[0].numpy()


def enlarge(paths: list[Path], folder: Path) -> list[Path]:
    "Copias de unas fotos con ocho veces más lado, como las de una cámara."
    from PIL import Image

    copies = []
    for path in paths:
        image = Image.open(path).convert("RGB")
        copies.append(folder / f"{path.stem} × 8.jpg")
        image.resize((8 * image.width, 8 * image.height), Image.Resampling.LANCZOS).save(
            copies[-1], quality=90
        )
    return copies


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--backbones",
        nargs="+",
        default=["resnet18", "efficientnet_lite0", "efficientnet_lite2"],
        help="redes",
    )
    parser.add_argument("--numero", type=int, default=500, help="cuántas fotos (500)")
    parser.add_argument("--grandes", type=int, default=40, help="cuántas, además, ampliadas (40)")
    args = parser.parse_args()
    from catsdogs_clustering.dataset import example_photos
    from catsdogs_clustering.networks.backbones import PIP_BACKBONES, load_backbone, preprocess
    from catsdogs_clustering.networks.engines import agreement, candidates, cosines, load_engine
    from catsdogs_clustering.photos.reading import decode_pixels, read_bytes

    photos = example_photos()
    photos = photos[:: max(1, len(photos) // args.numero)][: args.numero]
    with tempfile.TemporaryDirectory() as folder:
        sets = {"tal cual": photos, "ampliadas": enlarge(photos[: args.grandes], Path(folder))}
        for name in args.backbones:
            backbone = load_backbone(name, "DEFAULT" if name in PIP_BACKBONES else None)
            prep = backbone.preprocessing
            expected = {what: np.stack([plain(backbone, p) for p in paths]) for what, paths in sets.items()}
            pixels = {
                what: [preprocess(decode_pixels(read_bytes(p), p, 3 * prep.resize), prep) for p in paths]
                for what, paths in sets.items()
            }
            chosen = load_engine(backbone, "cpu")
            for engine, precision in candidates("cpu"):
                e = load_engine(backbone, "cpu", engine, "float32" if precision == "float32" else "half")
                worst = ", ".join(
                    f"{cosines(e(pixels[what]), expected[what]).min():.6f} en {len(paths)} {what}"
                    for what, paths in sets.items()
                )
                mark = " ← elegido" if (e.name, e.precision) == (chosen.name, chosen.precision) else ""
                print(
                    f"{name:20} {engine:8} {precision:8} en las nubes {agreement(e):.6f}; "
                    f"peor coseno: {worst}{mark}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
