"""El trabajo entero, de la carpeta a los grupos en el disco, con catsdogs y con otros programas.

    python benchmarks/peers.py                          las fotos de CATSDOGS_DATA
    python benchmarks/peers.py --numero 1000 --vueltas 3 --apuntar medidas.jsonl

Cada programa hace dos grupos con las mismas fotos, en un proceso nuevo y con sus carpetas vacías, tal como
dice su documentación, y se mira el reloj desde que arranca Python hasta que los grupos están guardados. A los
que dejan elegir la red se les da la misma, con los mismos pesos (EfficientNet-Lite0, que se instala con pip),
ya en el disco; `catsdogs --rapido` usa la suya, y clustimage, ninguna. Los turnos se alternan, y lo que se
compara es la razón con catsdogs dentro de cada vuelta. El acierto es el de todas las fotos, con cada grupo
emparejado con un tipo.

Los programas que no estén instalados se omiten y se dice: `pip install -e ".[bench]"` trae tasnif e
img2vec-pytorch; `pip install imcluster clustimage`, los otros dos.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

NETWORK, BATCH = "efficientnet_lite0", 32
CATSDOGS = "from catsdogs_clustering.commands.cli import main; main()"


def prepare(home: Path) -> None:
    "Deja los pesos en el disco, como si ya se hubieran descargado."
    import torch

    from catsdogs_clustering.networks.backbones import load_backbone

    model = load_backbone(NETWORK).model
    torch.save(model.state_dict(), home / "pesos.pth")


def timm_network(home: Path):
    "La red de todos, como la carga timm."
    import timm
    import torch

    model = timm.create_model(f"tf_{NETWORK}", num_classes=0)
    model.load_state_dict(torch.load(home / "pesos.pth"))
    return model.eval()


def keep_for_transformers(home: Path) -> None:
    "Deja la misma red en una carpeta como las que descarga transformers."
    from transformers import TimmWrapperConfig, TimmWrapperModel

    model = timm_network(home)
    config = TimmWrapperConfig(architecture=f"tf_{NETWORK}", pretrained_cfg=model.pretrained_cfg)
    wrapped = TimmWrapperModel(config)
    wrapped.timm_model.load_state_dict(model.state_dict(), strict=False)
    wrapped.save_pretrained(home / "red")


def write_groups(out: Path, paths, labels) -> None:
    "Los grupos en un CSV."
    with open(out / "grupos.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(zip(map(str, paths), map(int, labels)))


def train(folder: Path, out: Path, *options: str) -> None:
    "catsdogs entrenar, con esas opciones: grupos, modelo e informe."
    from catsdogs_clustering.commands.cli import main

    sys.argv[1:] = ["entrenar", str(folder), "--modelo", str(out / "modelo.skops"), "--quieto", *options]
    main()


def catsdogs(folder: Path, out: Path, home: Path) -> None:
    "catsdogs entrenar, con la misma red y el mismo recorte que los demás."
    train(folder, out, "--backbone", NETWORK, "--vistas", "crop")


def fast(folder: Path, out: Path, home: Path) -> None:
    "catsdogs entrenar --rapido, con su red, en enteros de 8 bits; la prepara de cero."
    train(folder, out, "--rapido")


def tasnif(folder: Path, out: Path, home: Path) -> None:
    "tasnif: TasnifClusterer y export, con sus ajustes; los grupos, en un CSV."
    from tasnif import TasnifClusterer
    from tasnif.embeddings.timm_backend import TimmEmbedder

    embedder = TimmEmbedder(f"tf_{NETWORK}", pretrained=False)
    embedder._model.load_state_dict(timm_network(home).state_dict())
    model = TasnifClusterer(2, embedder=embedder, show_progress=False).fit(folder)
    model.export(out / "tasnif", mode="none")
    write_groups(out, model.result_.paths, model.result_.labels)


def imcluster(folder: Path, out: Path, home: Path) -> None:
    "imcluster: su orden, con sus ajustes; deja una galería y una tabla."
    from imcluster.main import app

    options = ["--n-clusters", "2", "--model", str(home / "red"), "--no-open"]
    files = ["--cache", str(out / "tabla.parquet"), "--gallery", str(out / "galería.html")]
    app([str(folder), *options, *files], standalone_mode=False)


def img2vec(folder: Path, out: Path, home: Path) -> None:
    "img2vec-pytorch por lotes, como en su README, y KMeans de scikit-learn."
    import numpy as np
    from img2vec_pytorch import Img2Vec
    from PIL import Image
    from sklearn.cluster import KMeans

    class WithThisNetwork(Img2Vec):
        def _get_model_and_layer(self, name, layer):
            model = timm_network(home)
            return model, model.global_pool.pool

    maker, paths, vectors = (
        WithThisNetwork(model="timm", layer_output_size=1280),
        sorted(folder.iterdir()),
        [],
    )
    for i in range(0, len(paths), BATCH):
        vectors.append(maker.get_vec([Image.open(p).convert("RGB") for p in paths[i : i + BATCH]]))
    labels = KMeans(2, n_init=10, random_state=0).fit_predict(np.concatenate(vectors))
    write_groups(out, paths, labels)


def clustimage(folder: Path, out: Path, home: Path) -> None:
    "clustimage: PCA de los píxeles, como en su documentación."
    from clustimage import Clustimage

    model = Clustimage(method="pca", verbose=50)
    results = model.fit_transform(str(folder), min_clust=2, max_clust=3)
    model.save(str(out / "clustimage.pkl"))
    write_groups(out, results["pathnames"], results["labels"])


PROGRAMS = {
    "catsdogs": catsdogs,
    "catsdogs --rapido": fast,
    "tasnif": tasnif,
    "imcluster": imcluster,
    "img2vec y KMeans": img2vec,
    "clustimage": clustimage,
}


def read_groups(name: str, folder: Path, out: Path) -> dict:  # nombre de archivo → grupo
    "Los grupos que ha guardado un programa."
    # el modelo de catsdogs no guarda rutas: se le pregunta otra vez, con sus vectores en la caché
    if name.startswith("catsdogs"):
        order = ["predecir", out / "modelo.skops", folder, "--csv", out / "grupos.csv", "--quieto"]
        subprocess.run(
            [sys.executable, "-c", CATSDOGS, *order],
            env=environment(out),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with open(out / "grupos.csv", newline="", encoding="utf-8") as file:
            return {Path(row["archivo"]).name: int(row["grupo"]) for row in csv.DictReader(file)}
    if name == "imcluster":
        import pandas as pd

        table = pd.read_parquet(out / "tabla.parquet").reset_index()
        column = next(c for c in ("path", "filename", "index") if c in table)
        return {Path(p).name: int(label) for p, label in zip(table[column], table["kmeans_cluster"])}
    with open(out / "grupos.csv", newline="", encoding="utf-8") as file:
        return {Path(path).name: int(label) for path, label in csv.reader(file)}


def accuracy(groups: dict) -> float:  # sobre todas las fotos que ha agrupado
    "Qué parte de las fotos está en el grupo de su tipo."
    import numpy as np

    from catsdogs_clustering.dataset import label_from_name
    from catsdogs_clustering.evaluation import evaluate, match_clusters

    kinds, labels = np.array([label_from_name(name) for name in groups]), np.array([*groups.values()])
    return evaluate(labels, kinds, match_clusters(labels, kinds)).accuracy


def environment(out: Path) -> dict:
    "Las variables de un proceso: su casa es una carpeta nueva, y no busca nada en la red."
    return os.environ | {"CATSDOGS_HOME": str(out / "casa"), "HF_HUB_OFFLINE": "1"}


def run(name: str, folder: Path, out: Path, home: Path) -> dict:  # segundos y grupos
    "Un programa, en un proceso nuevo y con sus carpetas vacías."
    out.mkdir(parents=True)
    command = [sys.executable, __file__, "--trabajo", name, str(folder), str(out), str(home)]
    start = time.perf_counter()
    done = subprocess.run(command, env=environment(out), capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        print(f"{name}: se omite ({done.stderr.strip().splitlines()[-1]})", file=sys.stderr)
        return {}
    groups = read_groups(name, folder, out)
    return dict(seconds=seconds, photos=len(groups), accuracy=accuracy(groups))


def link(photos: list, folder: Path) -> Path:
    "Una carpeta con enlaces a las fotos."
    folder.mkdir()
    for path in photos:
        (folder / path.name).symlink_to(path.resolve())
    return folder


def compare(photos: list, turns: int, names: list) -> dict:  # programa → medidas de cada vuelta
    "Alterna los programas; el que falla en la primera vuelta no vuelve a intentarlo."
    found = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="catsdogs-rivales-") as scratch:
        folder, home = link(photos, Path(scratch) / "fotos"), Path(scratch)
        prepare(home)
        if "imcluster" in names:
            with suppress(ImportError):  # si no está, ya se dirá
                keep_for_transformers(home)
        for turn in range(turns):
            for name in [n for n in names if len(found[n]) == turn]:
                if row := run(name, folder, Path(scratch) / f"{turn} {name}", home):
                    found[name].append(row)
                    print(
                        f"vuelta {turn + 1}: {name:18} {row['seconds']:6.1f} s, {row['accuracy']:.4f}",
                        flush=True,
                    )
    return {name: rows for name, rows in found.items() if rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--numero", type=int, default=4000, help="cuántas fotos")
    parser.add_argument("--vueltas", type=int, default=3, help="cuántas veces se repite todo")
    parser.add_argument("--programas", nargs="+", choices=PROGRAMS, default=list(PROGRAMS), help="cuáles")
    parser.add_argument("--apuntar", type=Path, metavar="ARCHIVO", help="añade aquí una línea por programa")
    args = parser.parse_args()
    from catsdogs_clustering.dataset import example_photos

    photos = example_photos()
    photos = photos[:: max(1, len(photos) // args.numero)][: args.numero]
    found = compare(photos, args.vueltas, args.programas)
    for name, rows in found.items():
        ratios = [row["seconds"] / ours["seconds"] for row, ours in zip(rows, found["catsdogs"])]
        middle, seconds = statistics.median(ratios), [row["seconds"] for row in rows]
        print(f"{name:18} {statistics.median(seconds):6.1f} s, {middle:5.2f} veces catsdogs "
              f"[{min(ratios):.2f}, {max(ratios):.2f}], {rows[0]['accuracy']:.4f}")  # fmt: skip
        if args.apuntar:
            with args.apuntar.open("a", encoding="utf-8") as notes:
                notes.write(json.dumps({"program": name, "ratios": ratios, "runs": rows}) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--trabajo"]:
        job, *places = sys.argv[2:]
        PROGRAMS[job](*map(Path, places))
        sys.exit()
    main()
