"""Eight or sixteen numbers at a time: the inner loops of the sweeps, as vector instructions.

numba vectorises loops over long stretches of memory; these loops are short (a node has about four arcs) or
fetch from scattered places, and it leaves them scalar. So they are written in LLVM's own terms, which every
processor's code generator turns into what that processor has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import llvmlite.binding
import numba.core.cgutils
import numba.extending
import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from routing.compiled import compiled
from routing.costs import FAR_MS

LANES = 8  # numbers fetched at once: what AVX2 holds
ROW = 16  # milliseconds in one cache line

# Without an instruction that fetches from several places at once, the vector form is slower than a loop.
_FETCHES = bool(llvmlite.binding.get_host_cpu_features().get("avx2"))
_INT32, _INT64 = ir.IntType(32), ir.IntType(64)
cgutils: Any = numba.core.cgutils
Numbers = NDArray[np.int32] | NDArray[np.int64]
Indexes = NDArray[np.uint32]  # unsigned: compiled code need not ask whether an index is negative


class _Vectors:
    """Writes vector instructions of one width and number type into a function that numba is building."""

    def __init__(self, builder: Any, number: Any, width: int) -> None:
        self.builder, self.number, self.width = builder, number, width
        self.type = ir.VectorType(number, width)
        self.bytes = ir.Constant(_INT32, number.width // 8)

    def all(self, value: Any) -> Any:
        """A vector with `value` in every lane."""
        empty = ir.Constant(ir.VectorType(value.type, self.width), ir.Undefined)
        one = self.builder.insert_element(empty, value, ir.Constant(_INT32, 0))
        return self.builder.shuffle_vector(
            one, empty, ir.Constant(ir.VectorType(_INT32, self.width), [0] * self.width)
        )

    def load(self, pointer: Any) -> Any:
        """The numbers from `pointer` on."""
        there = self.builder.bitcast(pointer, self.type.as_pointer())
        return self.builder.load(there, align=self.number.width // 8)

    def store(self, vector: Any, pointer: Any) -> None:
        there = self.builder.bitcast(pointer, self.type.as_pointer())
        self.builder.store(vector, there, align=self.number.width // 8)

    def least(self, one: Any, other: Any) -> Any:
        """The smaller number of each lane."""
        return self._call(f"llvm.smin.{self._suffix}", self.type, [one, other])

    def least_of_all(self, vector: Any) -> Any:
        return self._call(f"llvm.vector.reduce.smin.{self._suffix}", self.number, [vector])

    def load_some(self, pointer: Any, mask: Any) -> Any:
        """`load`, 0 in the lanes that are not in the mask; nothing is read there."""
        nought = ir.Constant(self.type, [0] * self.width)
        name = f"llvm.masked.load.{self._suffix}.p0"
        return self._call(name, self.type, [pointer, self.bytes, mask, nought])

    def fetch(self, pointer: Any, index: Any, mask: Any, otherwise: Any) -> Any:
        """The numbers at these indexes from `pointer` on, those of `otherwise` where the mask has none."""
        places = ir.GEPInstr(self.builder.block, pointer, [index], False, name="", source_etype=self.number)
        places.type = ir.VectorType(pointer.type, self.width)
        self.builder._insert(places)
        name = f"llvm.masked.gather.{self._suffix}.v{self.width}p0"
        return self._call(name, self.type, [places, self.bytes, mask, otherwise])

    @property
    def _suffix(self) -> str:
        return f"v{self.width}i{self.number.width}"

    def _call(self, name: str, result: Any, arguments: Sequence[Any]) -> Any:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, arguments)


def _instructions(writer: Callable[..., Any]) -> Callable[..., Any]:
    """Let kernels call what `writer` writes; numba passes it the context itself, kernels the rest."""
    return cast("Callable[..., Any]", numba.extending.intrinsic(writer))


def _data(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """The arguments, with the address of its first number in the place of every array."""
    return [
        context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
        for kind, value in zip(signature.args, arguments, strict=True)
    ]


@_instructions
def _fetched_least(typing: Any, head: Any, cost: Any, dist: Any, begin: Any, end: Any, start: Any) -> Any:
    number = cost.dtype
    signature = number(head, cost, dist, types.uint64, types.uint64, number)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        heads, costs, dists, begin, end, start = _data(context, builder, signature, arguments)
        numbers = _Vectors(builder, start.type, LANES)
        indexes = _Vectors(builder, _INT32, LANES)
        counters = _Vectors(builder, _INT64, LANES)
        lane = ir.Constant(counters.type, list(range(LANES)))
        stop, step = counters.all(end), ir.Constant(_INT64, LANES)
        least = cgutils.alloca_once_value(builder, numbers.all(start))
        with cgutils.for_range_slice(builder, begin, end, step, inc=True) as (i, _):
            mask = builder.icmp_unsigned("<", builder.add(counters.all(i), lane), stop)
            head = indexes.load_some(builder.gep(heads, [i]), mask)
            cost = numbers.load_some(builder.gep(costs, [i]), mask)
            # lanes beyond the end keep what is there already
            there = numbers.fetch(dists, head, mask, builder.load(least))
            builder.store(numbers.least(builder.load(least), builder.add(there, cost)), least)
        return numbers.least_of_all(builder.load(least))

    return signature, generate


@compiled
def least_over(
    head: Indexes, cost: Numbers, dist: Numbers, begin: int, end: int, start: int
) -> int:  # fmt: skip
    """The least of `start` and cost[i] + dist[head[i]], i from `begin` up to `end`."""
    if _FETCHES:
        return int(_fetched_least(head, cost, dist, begin, end, start))
    least = start
    for i in range(begin, end):
        least = min(least, cost[i] + dist[head[i]])
    return least


@_instructions
def pull_rows(
    typing: Any, dist: Any, row: Any, head: Any, cost: Any, begin: Any, end: Any
) -> Any:  # fmt: skip
    """Lower row `row` of `dist` (n, ROW) int32 to cost[i] + row head[i], i from `begin` up to `end`."""
    signature = types.void(dist, types.uint64, head, cost, types.uint64, types.uint64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        dists, row, heads, costs, begin, end = _data(context, builder, signature, arguments)
        numbers = _Vectors(builder, _INT32, ROW)
        width, step = ir.Constant(_INT64, ROW), ir.Constant(_INT64, 1)
        own = builder.gep(dists, [builder.mul(row, width)])
        least = cgutils.alloca_once_value(builder, numbers.load(own))
        with cgutils.for_range_slice(builder, begin, end, step, inc=True) as (i, _):
            head = builder.zext(builder.load(builder.gep(heads, [i])), _INT64)
            there = numbers.load(builder.gep(dists, [builder.mul(head, width)]))
            cost = numbers.all(builder.load(builder.gep(costs, [i])))
            builder.store(numbers.least(builder.load(least), builder.add(there, cost)), least)
        numbers.store(builder.load(least), own)

    return signature, generate


@_instructions
def push_rows(
    typing: Any, dist: Any, row: Any, head: Any, cost: Any, begin: Any, end: Any
) -> Any:  # fmt: skip
    """Lower the rows head[i] of `dist` (n, ROW) int32 to row `row` + cost[i], i from `begin` up to `end`."""
    signature = types.void(dist, types.uint64, head, cost, types.uint64, types.uint64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        dists, row, heads, costs, begin, end = _data(context, builder, signature, arguments)
        numbers = _Vectors(builder, _INT32, ROW)
        width, step = ir.Constant(_INT64, ROW), ir.Constant(_INT64, 1)
        own = numbers.load(builder.gep(dists, [builder.mul(row, width)]))
        with cgutils.for_range_slice(builder, begin, end, step, inc=True) as (i, _):
            head = builder.zext(builder.load(builder.gep(heads, [i])), _INT64)
            there = builder.gep(dists, [builder.mul(head, width)])
            cost = numbers.all(builder.load(builder.gep(costs, [i])))
            numbers.store(numbers.least(numbers.load(there), builder.add(own, cost)), there)

    return signature, generate


@_instructions
def _fetched_columns(typing: Any, head: Any, cost: Any, dist: Any, begin: Any, end: Any, slot: Any) -> Any:
    signature = types.void(head, cost, dist, types.uint64, types.uint64, types.uint64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        heads, costs, dists, begin, end, slot = _data(context, builder, signature, arguments)
        numbers = _Vectors(builder, _INT32, LANES)
        everywhere = ir.Constant(ir.VectorType(ir.IntType(1), LANES), [1] * LANES)
        far = ir.Constant(numbers.type, [FAR_MS] * LANES)
        own = builder.gep(dists, [slot])
        least = cgutils.alloca_once_value(builder, numbers.load(own))
        with cgutils.for_range_slice(builder, begin, end, ir.Constant(_INT64, LANES), inc=True) as (i, _):
            head, cost = numbers.load(builder.gep(heads, [i])), numbers.load(builder.gep(costs, [i]))
            there = numbers.fetch(dists, head, everywhere, far)
            builder.store(numbers.least(builder.load(least), builder.add(there, cost)), least)
        numbers.store(builder.load(least), own)

    return signature, generate


@compiled
def least_columns(head: Indexes, cost: Numbers, dist: Numbers, begin: int, end: int, slot: int) -> None:
    """Lower dist[slot + l], l < LANES, to cost[i + l] + dist[head[i + l]], i from `begin` up to `end` in
    steps of LANES; int32."""
    if _FETCHES:
        _fetched_columns(head, cost, dist, begin, end, slot)
        return
    for i in range(begin, end, LANES):
        for lane in range(LANES):
            total = cost[i + lane] + dist[head[i + lane]]
            dist[slot + lane] = min(dist[slot + lane], total)
