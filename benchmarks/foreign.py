"""Reúne fotos que no son ni gatos ni perros, para `nbs/experiments/24_neither.ipynb` y otras páginas.

    python benchmarks/foreign.py ajenas         (en Debian o Ubuntu; descarga unos 300 MB y deja unos 50)
    CATSDOGS_FOREIGN=ajenas jupyter lab nbs/experiments/24_neither.ipynb

Salen de paquetes públicos de pip y de apt, que se descargan sin instalarlos. Las imágenes tienen sus
propias licencias: son para medir en tu máquina, y no forman parte de este proyecto. Quedan en cuatro
carpetas:

    fotos      objetos, edificios y personas        otras      imágenes de microscopio, texturas, textos
    fondos     fondos de pantalla, muchos abstractos    animales   animales que no son ni gatos ni perros

Se han quitado a ojo los gatos y los perros, y los fondos de pantalla en los que sale algún otro animal.
Las listas de abajo valen para las versiones que dice cada una; con otra, el programa avisa y hay que
volver a mirar.
"""

import hashlib
import io
import re
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

SOURCES = [  # (carpeta, paquete, qué archivos); los de pip llevan «==versión»
    (
        "fotos",
        "gcompris-qt-data",
        "**/rcc/categorization.rcc",
    ),  # de la 69 a la 96, peces: van con los animales
    ("fotos", "gcompris-qt-data", "**/rcc/explore_monuments.rcc"),
    ("fotos", "gcompris-qt-data", "**/rcc/explore_world_music.rcc"),
    ("fotos", "mahotas==1.4.19", "mahotas/demos/data/DepartmentStore.jpg"),
    ("fotos", "ultralytics==8.4.190", "ultralytics/assets/*.jpg"),
    ("fotos", "gradio==6.31.0", "gradio/media_assets/images/tower.jpg"),
    ("fotos", "Orange3-ImageAnalytics==0.13.0", "**/test_images/*_640.jpg"),
    ("otras", "scikit-image==0.24.0", "skimage/data/*"),
    ("fondos", "gnome-backgrounds", "usr/share/backgrounds/**/*"),
    ("fondos", "mate-backgrounds", "usr/share/backgrounds/**/*"),
    ("fondos", "lomiri-wallpapers-16.04", "usr/share/backgrounds/**/*"),
    ("fondos", "lomiri-wallpapers-20.04", "usr/share/backgrounds/**/*"),
    ("fondos", "ukui-wallpapers", "usr/share/backgrounds/**/*"),
    ("fondos", "plasma-workspace-wallpapers", "usr/share/wallpapers/*/contents/images/*"),
    ("animales", "gcompris-qt-data", "**/rcc/erase.rcc"),
    ("animales", "gcompris-qt-data", "**/rcc/explore_*_animals.rcc"),
    ("animales", "gradio==3.50.2", "gradio/test_data/cheetah[12].jpg"),
    ("animales", "gradio==3.50.2", "gradio/test_data/lion.jpg"),
    ("animales", "gradio==6.31.0", "gradio/media_assets/images/cheetah.jpg"),
    ("animales", "imgaug==0.4.0", "imgaug/quokka.jpg"),
]
CARVED = {
    "categorization": 142,
    "explore_monuments": 49,
    "explore_world_music": 9,
    "erase": 33,
    "explore_farm_animals": 9,
    "explore_world_animals": 15,
}  # cuántas fotos hay en cada .rcc de la versión 3.1
FISH = range(69, 97)
CATS_AND_DOGS = {("erase", 32), ("explore_farm_animals", 4), ("explore_farm_animals", 7)}
UNWANTED = re.compile(
    "chelsea|kitten|friends_by|"  # gatos y perros
    "LadyBird|TwoWings|Dragonfly|Kleiber|goldfish|"  # otros animales, en los fondos
    "Elephants_|motorcycle_right"
)  # repetidas
PICTURE = {".jpg", ".jpeg", ".png", ".webp"}


def run(package: str, command: list, folder: Path) -> str:  # lo que escribe la orden
    "Ejecuta la orden que descarga o abre un paquete; si no puede, acaba diciéndolo en una línea."
    try:
        done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit(f"Para descargar «{package}» hace falta la orden «{command[0]}», que aquí no está.")
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no dice por qué").splitlines()[-1]
        sys.exit(f"No se puede descargar «{package}» (hace falta red, y esa versión): {said}")
    return done.stdout


@contextmanager
def new_folder(dest: Path):  # → la carpeta en la que escribir, que al acabar bien se llamará dest
    "Una carpeta que sólo aparece si está entera: así, lo que se queda a medias se puede volver a pedir."
    if dest.exists():
        sys.exit(f"«{dest}» ya existe: elige otra carpeta, o bórrala.")
    dest.absolute().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{dest.name}-", dir=dest.absolute().parent) as folder:
        partial = Path(folder) / dest.name
        yield partial
        partial.rename(dest)


def fetch(package: str, folder: Path) -> Path:  # nombre → carpeta con su contenido
    "Descarga un paquete y lo abre, sin instalarlo."
    content = folder / re.sub(r"\W", "_", package)
    if content.exists():
        return content
    print(f"descargando {package}…", flush=True)
    content.mkdir()
    if "==" in package:
        platforms = [f"--platform={p}" for p in ("any", "manylinux2014_x86_64", "manylinux_2_28_x86_64")]
        options = ["-q", "--no-deps", "--only-binary=:all:", "--python-version=3.11", *platforms]
        run(package, [sys.executable, "-m", "pip", "download", *options, "-d", content, package], content)
        for wheel in content.glob("*.whl"):
            run(package, [sys.executable, "-m", "zipfile", "-e", wheel, content], content)
    else:
        run(package, ["apt-get", "download", "-q", package], content)
        for archive in content.glob("*.deb"):
            run(package, ["dpkg-deb", "-x", archive, content], content)
    return content


def carve(data: bytes) -> list[bytes]:
    "Saca las imágenes WebP que hay dentro de un archivo de recursos de Qt, donde están enteras y seguidas."
    starts = re.finditer(b"RIFF(....)WEBP", data, re.DOTALL)
    return [data[m.start() : m.start() + 8 + int.from_bytes(m[1], "little")] for m in starts]


def pictures(group: str, path: Path):  # → (carpeta, nombre, contenido) de cada imagen
    "Las imágenes de un archivo: él mismo, o las que lleva dentro si es un .rcc."
    if path.suffix != ".rcc":
        return [(group, path.stem, path.read_bytes())]
    found = carve(path.read_bytes())
    if len(found) != CARVED[path.stem]:
        sys.exit(
            f"{path.name} trae {len(found)} fotos y no {CARVED[path.stem]}: es otra versión, "
            "y hay que mirar a ojo cuáles son gatos y perros."
        )
    return [
        ("animales" if path.stem == "categorization" and i in FISH else group, f"{path.stem}_{i:03}", data)
        for i, data in enumerate(found)
        if (path.stem, i) not in CATS_AND_DOGS
    ]


def wanted(path: Path) -> bool:
    "¿Es un archivo con imágenes, de tamaño suficiente y que no esté en la lista de los que sobran?"
    return (
        path.is_file()
        and not path.is_symlink()
        and path.suffix.lower() in PICTURE | {".rcc"}
        and path.stat().st_size > 15_000
        and not UNWANTED.search(str(path))
    )


def save(data: bytes, path: Path) -> bool:  # ¿se ha guardado?
    "Guarda una imagen como JPEG de 1200 píxeles como mucho, salvo que sea casi de un solo color."
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image.thumbnail((1200, 1200))
    if max(high - low for low, high in image.resize((64, 64)).getextrema()) < 16:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=92)
    return True


def main(dest: Path) -> None:
    "Reúne todas las fotos en dest, una carpeta nueva."
    Image.MAX_IMAGE_PIXELS = None  # los fondos de pantalla son muy grandes, y de confianza
    count, seen = Counter(), set()
    with new_folder(dest) as place, tempfile.TemporaryDirectory() as folder:
        for group, package, pattern in SOURCES:
            chosen = {}
            for path in sorted(filter(wanted, fetch(package, Path(folder)).glob(pattern))):
                one_per_theme = (
                    path.parts[-4] if "wallpapers/" in pattern else path
                )  # los temas repiten el fondo en muchos tamaños
                chosen.setdefault(one_per_theme, path)
            for path in chosen.values():
                for kind, name, data in pictures(group, path):
                    digest = hashlib.sha256(data).digest()
                    if digest in seen:
                        continue
                    seen.add(digest)
                    count[kind] += save(
                        data, place / kind / f"{package.split('=')[0]}_{len(seen):03}_{name}.jpg"
                    )
    print(", ".join(f"{n} {kind}" for kind, n in count.items()))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
