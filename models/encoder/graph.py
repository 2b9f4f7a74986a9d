"""The encoder's graph, node by node: BERT (Devlin et al. 2019, arXiv 1810.04805) as all-MiniLM-L6-v2 has it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LAYERS, HEADS, WIDTH, HEAD_WIDTH = 6, 12, 384, 32
LAYER_NORM_EPSILON, NORM_EPSILON = 1e-12, 1e-12
OPSET, IR_VERSION = 17, 8
MASKED = -10_000.0

Weights = Mapping[str, np.ndarray]


class Graph:
    """Collects nodes and constants; every method returns the name of what it computes."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}

    def op(self, kind: str, *inputs: str, **attributes: object) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def constant(self, name: str, value: object, dtype: type = np.float32) -> str:
        self.constants.setdefault(name, np.array(value, dtype, order="C"))
        return name

    def linear(self, x: str, weights: Weights, name: str) -> str:
        """x·Wᵀ + b; W is stored as (out, in)."""
        product = self.op("MatMul", x, self.constant(f"{name}.weight", weights[f"{name}.weight"].T))
        return self.op("Add", product, self.constant(f"{name}.bias", weights[f"{name}.bias"]))

    def layer_norm(self, x: str, weights: Weights, name: str) -> str:
        scale = self.constant(f"{name}.weight", weights[f"{name}.weight"])
        bias = self.constant(f"{name}.bias", weights[f"{name}.bias"])
        return self.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=LAYER_NORM_EPSILON)


def model(weights: Weights) -> onnx.ModelProto:
    """input_ids, attention_mask: int64 (texts, tokens) → embedding: float32 (texts, 384), of length one."""
    g = Graph()
    mask = g.op("Cast", "attention_mask", to=TensorProto.FLOAT)
    x = _embeddings(g, weights)
    bias = _attention_bias(g, mask)
    for layer in range(LAYERS):
        x = _layer(g, weights, f"encoder.layer.{layer}", x, bias)
    g.nodes.append(helper.make_node("Identity", [_pooled(g, x, mask)], ["embedding"], "embedding"))
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["texts", WIDTH])
    constants = [numpy_helper.from_array(value, name) for name, value in g.constants.items()]
    graph = helper.make_graph(g.nodes, "all-MiniLM-L6-v2", inputs, [output], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="toolscout")
    made.ir_version = IR_VERSION
    onnx.checker.check_model(made)
    return made


def _embeddings(g: Graph, weights: Weights) -> str:
    """Word + position + the one token type that occurs."""
    words = g.op("Gather", g.constant("words", weights["embeddings.word_embeddings.weight"]), "input_ids")
    count = g.op("Gather", g.op("Shape", "input_ids"), g.constant("one", 1, np.int64))
    places = g.op("Range", g.constant("zero", 0, np.int64), count, g.constant("one", 1, np.int64))
    positions = g.constant("positions", weights["embeddings.position_embeddings.weight"])
    placed = g.op("Add", words, g.op("Gather", positions, places))
    kind = g.constant("kind", weights["embeddings.token_type_embeddings.weight"][0])
    return g.layer_norm(g.op("Add", placed, kind), weights, "embeddings.LayerNorm")


def _attention_bias(g: Graph, mask: str) -> str:
    """0 where a token is, far below it where padding is; (texts, 1, 1, tokens)."""
    hidden = g.op("Sub", g.constant("1", 1.0), mask)
    wide = g.op("Unsqueeze", hidden, g.constant("axes", [1, 2], np.int64))
    return g.op("Mul", wide, g.constant("masked", MASKED))


def _layer(g: Graph, weights: Weights, name: str, x: str, bias: str) -> str:
    attended = g.linear(
        _attention(g, weights, f"{name}.attention.self", x, bias), weights, f"{name}.attention.output.dense"
    )
    x = g.layer_norm(g.op("Add", attended, x), weights, f"{name}.attention.output.LayerNorm")
    inner = _gelu(g, g.linear(x, weights, f"{name}.intermediate.dense"))
    outer = g.linear(inner, weights, f"{name}.output.dense")
    return g.layer_norm(g.op("Add", outer, x), weights, f"{name}.output.LayerNorm")


def _attention(g: Graph, weights: Weights, name: str, x: str, bias: str) -> str:
    """softmax(q·kᵀ/√d + bias)·v for each head."""
    heads = g.constant("heads", [0, 0, HEADS, HEAD_WIDTH], np.int64)
    q, k, v = (g.op("Reshape", g.linear(x, weights, f"{name}.{part}"), heads) for part in ("query", "key", "value"))
    q, v = g.op("Transpose", q, perm=[0, 2, 1, 3]), g.op("Transpose", v, perm=[0, 2, 1, 3])
    products = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 2, 3, 1]))
    scaled = g.op("Div", products, g.constant("scale", HEAD_WIDTH**0.5))
    shares = g.op("Softmax", g.op("Add", scaled, bias), axis=-1)
    gathered = g.op("Transpose", g.op("MatMul", shares, v), perm=[0, 2, 1, 3])
    return g.op("Reshape", gathered, g.constant("whole", [0, 0, WIDTH], np.int64))


def _gelu(g: Graph, x: str) -> str:
    """x·Φ(x), Hendrycks and Gimpel 2016, in the exact form by erf."""
    phi = g.op("Add", g.op("Erf", g.op("Div", x, g.constant("root2", 2**0.5))), g.constant("1", 1.0))
    return g.op("Mul", g.op("Mul", x, phi), g.constant("half", 0.5))


def _pooled(g: Graph, x: str, mask: str) -> str:
    """The mean over real tokens, scaled to length one."""
    last = g.constant("last", [2], np.int64)
    wide = g.op("Unsqueeze", mask, last)
    total = g.op("ReduceSum", g.op("Mul", x, wide), g.constant("tokens", [1], np.int64), keepdims=0)
    # A text always has its two special tokens, so the count is never zero.
    mean = g.op("Div", total, g.op("ReduceSum", wide, g.constant("tokens", [1], np.int64), keepdims=0))
    length = g.op("ReduceL2", mean, axes=[1], keepdims=1)
    return g.op("Div", mean, g.op("Max", length, g.constant("epsilon", NORM_EPSILON)))
