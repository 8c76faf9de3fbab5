"""Compara, en una misma ejecución, los decodificadores de JPEG que se pueden instalar con pip.

    python benchmarks/decoders.py                       las fotos de CATSDOGS_DATA, o los dibujos
    python benchmarks/decoders.py --fotos CARPETA --numero 500 --repeticiones 7

Primero mira, en todas las fotos, si dan los mismos píxeles que Pillow, bit a bit: de eso depende que
los vectores guardados sigan valiendo. Después mide, con una parte de las fotos, el tiempo de
procesador de cada uno, por turnos; la cifra que cuenta es la razón con Pillow dentro de cada vuelta.
Los que no estén instalados se omiten y se dice:

    pip install simplejpeg torchcodec opencv-python-headless
"""

import argparse
import io
import statistics
import time
import warnings

import numpy as np
from PIL import Image

from catsdogs_clustering.dataset import example_photos, list_images
from catsdogs_clustering.photos.reading import decode_image, decode_pixels, read_bytes


def pillow():
    "La biblioteca con la que se abre todo lo demás."

    def decode(data):
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            return np.array(image)

    return decode


def simplejpeg():
    "Un envoltorio pequeño de libjpeg-turbo."
    from simplejpeg import decode_jpeg

    return lambda data: decode_jpeg(data, "RGB")


def torchvision():
    "El decodificador que torchvision ha anunciado que retira."
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg

    def decode(data):
        tensor = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        return decode_jpeg(tensor, mode=ImageReadMode.RGB).permute(1, 2, 0).numpy()

    return decode


def torchcodec():
    "El que torchvision recomienda en su lugar."
    import torch
    from torchcodec.decoders import decode_image as decode

    return lambda data: decode(torch.frombuffer(bytearray(data), dtype=torch.uint8)).permute(1, 2, 0).numpy()


def opencv():
    "El de OpenCV, sin girar la foto por su cuenta."
    import cv2

    cv2.setNumThreads(1)
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    return lambda data: cv2.imdecode(np.frombuffer(data, np.uint8), flags)


def decoders() -> dict:  # nombre → función de bytes a píxeles
    "Los que están instalados, y los dos caminos del proyecto."
    found = {}
    for build in (pillow, simplejpeg, torchvision, torchcodec, opencv):
        try:
            found[build.__name__] = build()
        except (ImportError, RuntimeError, OSError) as error:
            print(f"{build.__name__}: no está ({type(error).__name__})")
    long = lambda data: np.array(decode_image(data))
    return found | {"el camino largo": long, "el camino corto": decode_pixels}


def seconds(decode, photos: list[bytes]) -> float:  # de procesador
    "Lo que tarda en abrir todas las fotos, una detrás de otra."
    start = time.process_time()
    for data in photos:
        decode(data)
    return time.process_time() - start


def main():
    "Compara los píxeles y los tiempos."
    parser = argparse.ArgumentParser(description="Compara decodificadores de JPEG.")
    parser.add_argument("--fotos", help="carpeta de fotos")
    parser.add_argument("--numero", type=int, default=500, help="fotos con las que se mide el tiempo")
    parser.add_argument("--repeticiones", type=int, default=7)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    paths = list_images(args.fotos) if args.fotos else example_photos()
    photos = [data for data in map(read_bytes, paths) if data.startswith(b"\xff\xd8\xff")]
    found = decoders()
    different = dict.fromkeys(found, 0)
    for data in photos:
        expected = decode_image(data)
        for name, decode in found.items():
            different[name] += not np.array_equal(decode(data), expected)
    some = photos[:: max(1, len(photos) // args.numero)][: args.numero]
    rounds = [
        {name: seconds(decode, some) for name, decode in found.items()} for _ in range(args.repeticiones)
    ]
    print(f"{len(photos)} fotos JPEG; tiempo de procesador con {len(some)}, en {len(rounds)} vueltas")
    for name in found:
        ratios = sorted(r["pillow"] / r[name] for r in rounds)
        rate = len(some) / statistics.median(r[name] for r in rounds)
        print(
            f"{name:16} {different[name]:5} distintas  {rate:6.0f} fotos/s  "
            f"{statistics.median(ratios):.2f} veces Pillow (de {ratios[0]:.2f} a {ratios[-1]:.2f})"
        )


if __name__ == "__main__":
    main()
