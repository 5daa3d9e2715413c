"""TensorFlow and Keras, imported without their noise, and the devices that training runs on."""

import contextlib
import ctypes
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator

from charlm.errors import ConfigError
from charlm.threads import count_cores


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what native code writes to the standard error stream from the user; shows it if the block fails."""
    if sys.stderr is None:  # there is no such stream to be kept quiet
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as noise:
        saved = os.dup(2)
        os.dup2(noise.fileno(), 2)
        try:
            yield
        except BaseException:
            noise.seek(0)
            os.write(saved, noise.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _keep_memory() -> None:
    """Keeps the memory of a step's arrays for the next step; else the system hands it out anew, page by page.

    glibc has a list of what is free for each thread, and so for each replica. TensorFlow's own allocator, which keeps
    memory where the C library is another, has one for all: what one core has just written goes to the other, across
    their caches.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "1")
        return
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "true")
    for parameter, size in _KEPT.items():
        mallopt(parameter, size)


#: Of glibc's malloc.h: M_TRIM_THRESHOLD; M_TOP_PAD, as large as a thread's heap, so that none is given back; and
#: M_MMAP_THRESHOLD, the largest that there is.
_KEPT = {-1: 2**31 - 1, -2: 2**26, -3: 2**25}

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
_keep_memory()
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # products by oneDNN, which is the default on some processors only
if os.environ.setdefault("KERAS_BACKEND", "tensorflow") != "tensorflow":
    raise ConfigError(
        f"charlm trains with Keras on TensorFlow. Received: KERAS_BACKEND={os.environ['KERAS_BACKEND']}. "
        "Unset KERAS_BACKEND, or import charlm in a process of its own."
    )
with _quiet():
    import keras  # noqa: E402
    import tensorflow as tf  # noqa: E402

    if keras.backend.backend() != "tensorflow":
        raise ConfigError("Keras was imported with another backend before charlm. Import charlm first.")
    tf.get_logger().setLevel("ERROR")

__all__ = [
    "count_devices",
    "has_bfloat16",
    "has_gpu",
    "keras",
    "measure_products",
    "most_replicas",
    "open_strategy",
    "seeded",
    "tf",
]


_MEASURED_SECONDS, _MEASURED_TIMES = 0.25, 3  #: at least


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Makes what Keras draws within follow from a seed: it takes its own from Python's generator, which is restored."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


def has_gpu() -> bool:
    """Tells whether TensorFlow sees a GPU that the program has not hidden from it."""
    return bool(tf.config.get_visible_devices("GPU"))


def count_devices() -> int:
    """Returns the number of GPUs; without one, of the cores that this process may use."""
    return len(tf.config.get_visible_devices("GPU")) if has_gpu() else count_cores()


def most_replicas(batch_size: int, devices: int) -> int:
    """Returns how many replicas a batch can be dealt to evenly, one a device at most.

    >>> most_replicas(32, 6)
    4
    """
    return max(count for count in range(1, devices + 1) if batch_size % count == 0)


def has_bfloat16() -> bool:
    """Tells whether the processor multiplies bfloat16 faster than float32 (AVX512-BF16 or AMX), with no GPU at hand."""
    with contextlib.suppress(OSError):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return not has_gpu() and bool(re.search(r"\b(avx512_bf16|amx_bf16)\b", file.read()))
    return False


def open_strategy(replicas: int) -> "tf.distribute.Strategy":
    """Returns a strategy for `replicas` replicas, one a GPU, or one a core.

    The products of one time step are too small to be shared among threads. So a core gets a logical device of
    its own with a single thread. That must be settled before TensorFlow starts; where it has started already,
    the strategy takes what is there.

    Args:
        replicas: how many; on GPUs at most as many as there are.
    """
    kind = "GPU" if has_gpu() else "CPU"
    if kind == "CPU":
        _divide_processor(replicas)
    devices = [device.name.removeprefix("/device:") for device in tf.config.list_logical_devices(kind)][:replicas]
    if len(devices) == 1:
        return tf.distribute.OneDeviceStrategy(devices[0])
    return tf.distribute.MirroredStrategy(
        devices, cross_device_ops=tf.distribute.ReductionToOneDevice() if kind == "CPU" else None
    )


def _divide_processor(replicas: int) -> None:
    (processor,) = tf.config.list_physical_devices("CPU")
    with contextlib.suppress(RuntimeError):  # TensorFlow has started
        if tf.config.get_logical_device_configuration(processor) is None:
            configuration = [tf.config.LogicalDeviceConfiguration() for _ in range(replicas)]
            tf.config.set_logical_device_configuration(processor, configuration)
        if replicas > 1:
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(replicas)


def measure_products(strategy: "tf.distribute.Strategy", precision: str, rows: int, units: int) -> float:
    """Returns the operations a second of the products of an LSTM's steps, on all replicas at once.

    A wide layer's weights do not fit into the caches, and the fewer rows are multiplied with them, the less each
    reading of them pays. They are written once for some products, as a step of training writes arrays of their size:
    its gradients, what the optimiser keeps, and the weights.

    Args:
        strategy: where the replicas are.
        precision: of the products.
        rows: of a replica.
        units: of the layer.
    """
    gates, count, unrolled = 4 * units + 16, 2, 4  # as a scan in float32 has them, with a line of the cache more

    def replica():
        kernel = tf.fill((units, gates), tf.cast(1 / units, precision))

        def some(x):
            for _ in range(unrolled):
                x = tf.matmul(x, kernel)[:, :units]
            return x

        x = tf.ones((rows, units), precision)
        return tf.while_loop(lambda i, x: i < count, lambda i, x: (i + 1, some(x)), (0, x))[1][0, 0]

    @tf.function
    def measured():
        return strategy.reduce("SUM", strategy.run(replica), axis=None)

    measured()  # compiles
    seconds: list[float] = []
    while len(seconds) < _MEASURED_TIMES or sum(seconds) < _MEASURED_SECONDS:
        begun = time.perf_counter()
        measured().numpy()
        seconds.append(time.perf_counter() - begun)
    return strategy.num_replicas_in_sync * count * unrolled * 2 * rows * units * gates / statistics.median(seconds)
