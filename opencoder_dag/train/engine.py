"""DeepSpeed around the network: its configuration in full, and its state independent of how it is spread.

Belongs here: everything that touches DeepSpeed. A checkpoint holds whole tensors by parameter name, so it
can be read by another number of processes and another ZeRO stage.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from opencoder_dag.train.job import TrainJob
from opencoder_dag.train.lean import import_muon_uncompiled, without_mlflow

LARGEST_BUCKET = 50_000_000  # elements
MOMENTS = ("exp_avg", "exp_avg_sq")
COMMUNICATION_TIMEOUT = timedelta(minutes=30)


def device_of(name: str) -> torch.device:
    """The device of this process for a setting: auto, cpu or cuda."""
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def import_deepspeed(device: torch.device) -> Any:
    """DeepSpeed, imported without what training does not use (`lean.py`).

    On CPU it would compile a shared-memory extension for inference at each start, which is not wanted here.
    """
    os.environ["DS_ACCELERATOR"] = device.type
    with without_mlflow():
        import deepspeed
    import_muon_uncompiled()
    if device.type == "cpu":
        deepspeed.ops.__compatible_ops__ = {}
    return deepspeed


def half_precision(job: TrainJob, device: torch.device) -> bool:
    """Whether products are in bf16; a CPU without bf16 instructions, far slower in it, uses fp32."""
    if job.train.precision != "bf16" or device.type == "cuda":
        return job.train.precision == "bf16"
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def configuration(job: TrainJob, device: torch.device, parameters: int) -> dict[str, Any]:
    """Every DeepSpeed setting that matters, written out: its defaults have moved between versions.

    Batches are ours: DeepSpeed is told that the caller decides when gradients are complete.
    """
    half = half_precision(job, device)
    # DeepSpeed allocates a whole bucket at each backward pass, however small the network is.
    bucket = min(LARGEST_BUCKET, parameters)
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "managed_gradient_accumulation": False,
        "gradient_clipping": 0.0 if plain_optimizer(job, device) else job.train.clip,
        "prescale_gradients": False,
        "gradient_predivide_factor": 1.0,
        "steps_per_print": None,
        "wall_clock_breakdown": False,
        "dump_state": False,
        "zero_allow_untested_optimizer": False,
        "zero_force_ds_cpu_optimizer": False,
        "fp16": {"enabled": False},
        # On a GPU bf16 weights with fp32 master weights; on a CPU fp32 weights and bf16 products.
        "bf16": {"enabled": half and device.type == "cuda"},
        "torch_autocast": {"enabled": half and device.type == "cpu", "dtype": "bfloat16"},
        "communication_data_type": "fp32",
        "data_types": {"grad_accum_dtype": "fp32"},
        "zero_optimization": {
            "stage": job.train.zero_stage,
            "overlap_comm": False,  # with it the order of additions depends on timing
            "contiguous_gradients": True,
            "reduce_scatter": True,
            "reduce_bucket_size": bucket,
            "allgather_partitions": True,
            "allgather_bucket_size": bucket,
            "round_robin_gradients": False,
            "stage3_gather_16bit_weights_on_model_save": False,
        },
    }


def plain_optimizer(job: TrainJob, device: torch.device) -> bool:
    """Whether DeepSpeed leaves the optimizer as it is (no ZeRO, no master weights); it then tells no norm."""
    return job.train.zero_stage == 0 and not (job.train.precision == "bf16" and device.type == "cuda")


class Engine:
    """A DeepSpeed engine, and its weights and moments as whole fp32 tensors by name."""

    def __init__(self, job: TrainJob, network: nn.Module, device: torch.device, deepspeed: Any) -> None:
        from deepspeed.utils import logger

        logger.setLevel("WARNING")
        self.device = device
        optimizer = torch.optim.AdamW(
            _groups(network, job.train.weight_decay), lr=0.0, betas=job.train.betas, eps=1e-8, fused=True
        )
        self.names = [name for name, _ in network.named_parameters()]
        self.deepspeed_engine, *_ = deepspeed.initialize(
            model=network,
            optimizer=optimizer,
            config=configuration(job, device, sum(parameter.numel() for parameter in network.parameters())),
            dist_init_required=False,
        )
        self.optimizer: torch.optim.Optimizer = optimizer
        self.plain = plain_optimizer(job, device)
        self.norm = float("nan")
        self.pairwise = job.train.zero_stage <= 1 and device.type == "cpu"
        self.sums = PairwiseSum()
        # Before the first step: DeepSpeed links moments to parameters after its first parameter group.
        self._create_moments()
        if self.plain:
            optimizer.register_step_pre_hook(lambda *_: self._clip(job.train.clip))

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """The network's parameters by name (partitioned under ZeRO 3)."""
        return dict(self.deepspeed_engine.module.named_parameters())

    def loss(self, **stream: Any) -> Tensor:
        """Sum of losses over a stream."""
        loss: Tensor = self.deepspeed_engine(**stream)
        return loss

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss to those of this step."""
        self.deepspeed_engine.backward(loss, scale_wrt_gas=False)
        if self.pairwise:
            self.sums.push({name: _take_gradient(parameter) for name, parameter in self.parameters.items()})

    def step(self, rate: float) -> float:
        """Reduce over processes, clip, update with learning rate `rate`; returns the norm before clipping."""
        for group in self.deepspeed_engine.optimizer.param_groups:
            group["lr"] = rate
        if self.pairwise:
            for name, gradient in self.sums.total().items():
                self.parameters[name].grad = gradient
        self.deepspeed_engine.step()
        if not self.plain:
            self.norm = float(self.deepspeed_engine.get_global_grad_norm())
        return self.norm

    def _clip(self, limit: float) -> None:
        """Clip reduced gradients just before a plain optimizer uses them, and keep their norm."""
        self.norm = float(torch.nn.utils.clip_grad_norm_(self.deepspeed_engine.module.parameters(), limit))

    def reset_optimizer(self) -> None:
        """Forget the moments, as a new optimizer would."""
        for state in self.optimizer.state.values():
            for value in state.values():
                value.zero_()

    def weights(self) -> dict[str, Tensor]:
        """All weights in fp32 on CPU; every process must call this, every process gets them."""
        return {name: self._whole(parameter) for name, parameter in self.parameters.items()}

    def moments(self) -> dict[str, Tensor]:
        """AdamW's moments and its step count; every process must call this."""
        found = {
            f"{key}.{name}": self._whole(parameter, key)
            for key in MOMENTS
            for name, parameter in self.parameters.items()
        }
        steps = [state["step"] for state in self.optimizer.state.values() if "step" in state]
        return found | {"step": torch.tensor([float(steps[0]) if steps else 0.0])}

    def restore(self, weights: dict[str, Tensor], moments: dict[str, Tensor]) -> None:
        """Set weights and moments to what `weights` and `moments` gave, in whatever process."""
        for state in self.optimizer.state.values():
            state["step"].fill_(float(moments["step"]))
        for name, parameter in self.parameters.items():
            self._set(parameter, weights[name], None)
            for key in MOMENTS:
                self._set(parameter, moments[f"{key}.{name}"], key)

    def _create_moments(self) -> None:
        """Give the optimizer the state that it would otherwise create at its first step, and link it."""
        wrapper = self.deepspeed_engine.optimizer
        own = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        for parameter in getattr(wrapper, "fp32_partitioned_groups_flat", own):  # that attribute is ZeRO 3's
            self.optimizer.state[parameter] = {
                "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
                **{key: torch.zeros_like(parameter) for key in MOMENTS},
            }
        link = getattr(wrapper, "_lazy_init_hp_params_optimizer_state", None)
        if link is not None:
            link()

    def _whole(self, parameter: nn.Parameter, key: str | None = None) -> Tensor:
        from deepspeed.utils import safe_get_full_fp32_param, safe_get_full_optimizer_state

        if self.plain:
            found = parameter if key is None else self.optimizer.state[parameter][key]
        elif key is None:
            found = safe_get_full_fp32_param(parameter)
        else:
            found = safe_get_full_optimizer_state(parameter, key)
        return found.detach().float().cpu().clone().reshape(_shape(parameter))

    def _set(self, parameter: nn.Parameter, value: Tensor, key: str | None) -> None:
        from deepspeed.utils import safe_set_full_fp32_param, safe_set_full_optimizer_state

        value = value.to(self.device)
        if self.plain:
            target = parameter if key is None else self.optimizer.state[parameter][key]
            target.data.copy_(value)
        elif key is None:
            safe_set_full_fp32_param(parameter, value)
        else:
            safe_set_full_optimizer_state(parameter, value, key)


class PairwiseSum:
    """Sums gradients of micro-batches in pairs, pairs of pairs and so on.

    Then one process that sums four micro-batches adds in the same order as two that sum two each and exchange
    their sums, so both get the same bits (exactly so for one and two processes).
    """

    def __init__(self) -> None:
        self.waiting: list[tuple[int, dict[str, Tensor]]] = []  # (micro-batches in it, sum), fewer and fewer

    def push(self, gradients: dict[str, Tensor]) -> None:
        """Add one micro-batch."""
        count = 1
        while self.waiting and self.waiting[-1][0] == count:
            earlier = self.waiting.pop()[1]
            gradients = {name: earlier[name].add_(gradient) for name, gradient in gradients.items()}
            count *= 2
        self.waiting.append((count, gradients))

    def total(self) -> dict[str, Tensor]:
        """The sum over all micro-batches; the next one starts from nothing."""
        while len(self.waiting) > 1:
            later, earlier = self.waiting.pop()[1], self.waiting.pop()
            self.waiting.append((earlier[0], {name: earlier[1][name].add_(later[name]) for name in later}))
        return self.waiting.pop()[1]


def _take_gradient(parameter: nn.Parameter) -> Tensor:
    gradient, parameter.grad = parameter.grad, None
    assert gradient is not None
    return gradient


def _shape(parameter: Any) -> torch.Size:
    """The shape of a parameter even while ZeRO 3 has it partitioned."""
    shape: torch.Size = getattr(parameter, "ds_shape", parameter.shape)
    return shape


def _groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices decay, vectors (norms and biases) do not."""
    matrices = [parameter for parameter in network.parameters() if parameter.dim() >= 2]
    vectors = [parameter for parameter in network.parameters() if parameter.dim() < 2]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
