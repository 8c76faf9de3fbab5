"""Compara, en una misma ejecución, lo que tardan varios programas en convertir fotos en vectores.

    python benchmarks/speed.py                          las fotos de CATSDOGS_DATA, o los dibujos
    python benchmarks/speed.py --fotos CARPETA --numero 256 --repeticiones 5
    python benchmarks/speed.py --json resultado.json    además, todas las medidas en un archivo

Todos llevan la misma ResNet18 con los mismos pesos (al azar: no hace falta descargar nada, y la
velocidad no depende de ellos) y leen las mismas fotos del disco. Cada uno vive en un proceso
propio, que carga la red y convierte unas fotos antes de medir; los turnos se alternan, así que
todos sufren lo mismo si la máquina se ralentiza. La cifra que cuenta es la razón con el bucle
original dentro de cada vuelta: se dan la mediana y los extremos.

Los programas que no estén instalados se omiten y se dice: `pip install -e ".[bench]"` los trae.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from catsdogs_clustering.common.numbers import count, decimal

BATCH = 32  # fotos por lote de los programas que dejan elegirlo


def original(weights: str):
    "El bucle del tutorial original: cada foto, sola, por la red de torchvision en float32."
    import torch
    from PIL import Image
    from torchvision import models, transforms

    model = models.resnet18()
    model.load_state_dict(torch.load(weights))
    model = torch.nn.Sequential(*list(model.children())[:-1]).eval()
    prepare = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )

    def embed(paths):
        vectors = []
        for path in paths:
            image = prepare(Image.open(path).convert("RGB")).unsqueeze(0)
            with torch.no_grad():
                vectors.append(model(image).squeeze().numpy())
        return np.array(vectors)

    return embed


def ours(weights: str, **options):
    "Nuestro transformador, con las opciones que se le den."
    from catsdogs_clustering.embedding import ImageEmbedder

    return ImageEmbedder("resnet18", weights, progress=False, **options).transform


def tasnif(weights: str):
    "tasnif: lee en varios hilos y pasa por timm lotes en float32."
    import torch
    from tasnif.embeddings.timm_backend import TimmEmbedder
    from tasnif.io import ImageStream

    embedder = TimmEmbedder("resnet18", pretrained=False)
    embedder._model.load_state_dict(torch.load(weights), strict=False)  # timm no tiene aquí la última capa
    return lambda paths: embedder.embed(ImageStream(paths), batch_size=BATCH, show_progress=False)


def img2vec(weights: str):
    "img2vec-pytorch: lotes de imágenes ya abiertas, como en su README."
    import torch
    from img2vec_pytorch import Img2Vec
    from PIL import Image

    hub = Path(torch.hub.get_dir()) / "checkpoints"  # de aquí toma torchvision los pesos ya descargados
    hub.mkdir(parents=True, exist_ok=True)
    from torchvision.models import ResNet18_Weights

    target = hub / Path(ResNet18_Weights.DEFAULT.url).name
    target.write_bytes(Path(weights).read_bytes())
    model = Img2Vec(cuda=False, model="resnet18")

    def embed(paths):
        batches = [paths[i : i + BATCH] for i in range(0, len(paths), BATCH)]
        return np.concatenate(
            [model.get_vec([Image.open(p).convert("RGB") for p in batch]) for batch in batches]
        )

    return embed


def onnx_batches(weights: str):
    "Como imgbeddings: la red exportada a ONNX, por lotes en onnxruntime; las fotos, de una en una."
    import onnxruntime
    import torch
    from PIL import Image
    from torchvision import models, transforms

    model = models.resnet18()
    model.load_state_dict(torch.load(weights))
    model.fc = torch.nn.Identity()
    file = str(Path(weights).with_name("resnet18.onnx"))
    batch = torch.export.Dim("batch", min=1, max=1024)
    torch.onnx.export(
        model.eval(),
        (torch.zeros(2, 3, 224, 224),),
        file,
        input_names=["pixels"],
        dynamo=True,
        dynamic_shapes=({0: batch},),
        verbose=False,
    )
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    prepare = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )

    def embed(paths):
        batches = [paths[i : i + BATCH] for i in range(0, len(paths), BATCH)]
        inputs = (
            np.stack([prepare(Image.open(p).convert("RGB")).numpy() for p in batch]) for batch in batches
        )
        return np.concatenate([session.run(None, {"pixels": x})[0] for x in inputs])

    return embed


CONTENDERS = {
    "bucle original": (original, {}),
    "tasnif": (tasnif, {}),
    "img2vec-pytorch": (img2vec, {}),
    "ONNX por lotes": (onnx_batches, {}),
    "torch, float32": (ours, dict(engine="torch", precision="float32")),
    "torch": (ours, dict(engine="torch")),
    "openvino, float32": (ours, dict(engine="openvino", precision="float32")),
    "openvino": (ours, dict(engine="openvino")),
}
OURS = [name for name, (build, _) in CONTENDERS.items() if build is ours]

_embed = None  # en cada proceso, la función de su programa


def start(name: str, weights: str, home: str, warm_up: list) -> None:
    "Prepara el proceso de un programa: carga la red y convierte unas fotos."
    global _embed
    os.environ["TORCH_HOME"] = home
    build, options = CONTENDERS[name]
    _embed = build(weights, **options)
    _embed(warm_up)


def measure(paths: list) -> tuple:  # (segundos de reloj, segundos de procesador, vectores)
    "Convierte las fotos y dice cuánto ha tardado."
    wall, cpu = time.perf_counter(), time.process_time()
    vectors = _embed(paths)
    return time.perf_counter() - wall, time.process_time() - cpu, np.asarray(vectors, dtype=np.float32)


def make_weights(folder: Path) -> str:  # ruta del archivo
    "Los pesos al azar que comparten todos."
    import torch
    from torchvision.models import resnet18

    torch.manual_seed(0)
    model, file = resnet18(), folder / "resnet18.pth"
    torch.save(model.state_dict(), file)
    return str(file)


def worker(name: str, weights: str, home: str, warm_up: list):
    "El proceso de un programa, ya preparado; None si no se puede (y se dice por qué)."
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        1, mp_context=context, initializer=start, initargs=(name, weights, home, warm_up)
    )
    try:
        pool.submit(measure, warm_up).result()
    except Exception as e:
        pool.shutdown()
        print(f"{name}: se omite ({type(e).__name__}: {e})", file=sys.stderr)
        return None
    return pool


def compare(paths: list, repeats: int = 5, names: list = None) -> dict:  # nombre → medidas
    "Alterna los programas `repeats` veces y compara cada uno con el bucle original de la misma vuelta."
    names, paths = list(names or CONTENDERS), [str(p) for p in paths]
    with tempfile.TemporaryDirectory() as folder:
        weights = make_weights(Path(folder))
        workers = {name: worker(name, weights, folder, paths[:BATCH]) for name in names}
        workers = {name: pool for name, pool in workers.items() if pool is not None}
        runs = {name: [] for name in workers}
        for _ in range(repeats):
            for name, pool in workers.items():
                runs[name].append(pool.submit(measure, paths).result())
        for pool in workers.values():
            pool.shutdown()
    return {name: summary(len(paths), runs[name], runs.get("bucle original", runs[name])) for name in runs}


def lowest_cosine(a: np.ndarray, b: np.ndarray) -> float:
    "El menor parecido entre los vectores que dos programas dan a la misma foto."
    unit = lambda X: X / np.linalg.norm(X, axis=1, keepdims=True)
    return float((unit(a) * unit(b)).sum(axis=1).min())


def summary(n: int, runs: list, reference: list) -> dict:
    "Resume las vueltas de un programa: fotos por segundo, razón con el bucle y parecido de sus vectores."
    ratios = [theirs[0] / ours_[0] for theirs, ours_ in zip(reference, runs)]
    return dict(
        photos_per_second=statistics.median(n / wall for wall, _, _ in runs),
        cores=statistics.median(cpu / wall for wall, cpu, _ in runs),
        ratio=statistics.median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        cosine=lowest_cosine(runs[0][2], reference[0][2]),
    )


def machine() -> str:
    "El procesador en una línea: núcleos e instrucciones que importan aquí."
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        flags = set()
    known = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "bf16", "amx_bf16": "AMX bf16"}
    return f"{os.cpu_count()} núcleos, " + (
        ", ".join(v for k, v in known.items() if k in flags) or "instrucciones desconocidas"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fotos", help="carpeta de fotos (si no, CATSDOGS_DATA o los dibujos)")
    parser.add_argument("--numero", type=int, default=256, help="fotos que se convierten en cada vuelta")
    parser.add_argument("--repeticiones", type=int, default=5, help="vueltas")
    parser.add_argument("--json", help="archivo donde dejar las medidas")
    args = parser.parse_args()
    from catsdogs_clustering.dataset import example_photos, list_images

    photos = list_images(args.fotos) if args.fotos else example_photos()
    photos = photos[:: max(1, len(photos) // args.numero)][: args.numero]
    for path in photos:
        Path(path).read_bytes()  # que el disco no cuente: todas quedan en memoria
    results = compare(photos, args.repeticiones)
    print(f"{count(len(photos), 'foto')}, {args.repeticiones} vueltas, {machine()}")
    print(f"{'':20}{'fotos/s':>9}{'núcleos':>9}{'razón':>8}  {'[menor, mayor]':16}{'coseno mínimo':>14}")
    for name, r in results.items():
        speed, span = decimal(r["photos_per_second"], 1), f"[{decimal(r['lowest'])}, {decimal(r['highest'])}]"
        print(
            f"{name:20}{speed:>9}{decimal(r['cores']):>9}{decimal(r['ratio']):>8}  "
            f"{span:16}{decimal(r['cosine'], 6):>14}"
        )
    if args.json:
        Path(args.json).write_text(
            json.dumps(dict(machine=machine(), photos=len(photos), results=results), indent=1)
        )


if __name__ == "__main__":
    main()
