"""Reward models of LeRobot, tiny and with random weights, as folders: nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

SPECIAL = (
    "<pad>", "<|im_start|>", "<|im_end|>", "<unk>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>",
)  # fmt: skip
WORDS = ("move", "the", "hand", "to", "left", "True", "task", "robot", "is")
CHAT = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'video' %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% else %} {{ part['text'] }} {% endif %}{% endfor %}<|im_end|>{% endfor %}"
)


def write_qwen(folder: Path) -> None:
    """Write a Qwen3-VL of a few numbers with tokenizer and processors."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import (
        PreTrainedTokenizerFast,
        Qwen2VLImageProcessor,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    tokens = Tokenizer(WordLevel({word: i for i, word in enumerate([*SPECIAL, *WORDS])}, unk_token="<unk>"))
    tokens.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tokens, pad_token="<pad>", eos_token="<|im_end|>", unk_token="<unk>",
        additional_special_tokens=list(SPECIAL[4:]),
        extra_special_tokens={
            "image_token": "<|image_pad|>", "video_token": "<|video_pad|>", "vision_start_token": "<|vision_start|>",
            "vision_end_token": "<|vision_end|>",
        },
    )  # fmt: skip
    pictures = Qwen2VLImageProcessor(patch_size=8, merge_size=2, min_pixels=256, max_pixels=1024)
    videos = Qwen3VLVideoProcessor(
        patch_size=8, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 256, "longest_edge": 16384}
    )
    Qwen3VLProcessor(pictures, tokenizer, videos, chat_template=CHAT).save_pretrained(folder)
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 2, 2], "mrope_interleaved": True}
    text = {
        "vocab_size": 32, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 16, "rope_scaling": rope, "rope_parameters": rope,
    }  # fmt: skip
    vision = {
        "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "patch_size": 8, "spatial_merge_size": 2,
        "temporal_patch_size": 2, "out_hidden_size": 32, "num_position_embeddings": 64, "deepstack_visual_indexes": [0],
    }  # fmt: skip
    config = Qwen3VLConfig(
        text_config=text, vision_config=vision, image_token_id=4, video_token_id=5, vision_start_token_id=6,
        vision_end_token_id=7,
    )  # fmt: skip
    torch.manual_seed(0)
    Qwen3VLForConditionalGeneration(config).save_pretrained(folder)


def write_robometer(folder: Path, camera: str) -> None:
    """Write a ROBOMETER on that Qwen."""
    from lerobot.rewards.robometer.configuration_robometer import RobometerConfig
    from lerobot.rewards.robometer.modeling_robometer import RobometerRewardModel

    write_qwen(folder / "vlm")
    config = RobometerConfig(
        pretrained_path=None, base_model_id=str(folder / "vlm"), device="cpu", image_key=camera, torch_dtype="float32"
    )
    model = RobometerRewardModel(config)
    # As a published checkpoint says: its weights are its own, and the base's are not wanted.
    config.pretrained_path = str(folder)
    model.save_pretrained(folder)


def write_topreward(folder: Path, camera: str) -> None:
    """Write a TOPReward that asks that Qwen."""
    from lerobot.rewards.topreward.configuration_topreward import TOPRewardConfig
    from lerobot.rewards.topreward.modeling_topreward import TOPRewardModel

    write_qwen(folder / "vlm")
    TOPRewardModel(TOPRewardConfig(vlm_name=str(folder / "vlm"), device="cpu", image_key=camera)).save_pretrained(
        folder
    )


def write_sarm(folder: Path, camera: str) -> None:
    """Write a SARM for the features of a small CLIP."""
    import torch
    from lerobot.rewards.sarm.configuration_sarm import SARMConfig
    from lerobot.rewards.sarm.modeling_sarm import SARMRewardModel

    torch.manual_seed(0)
    config = SARMConfig(
        device="cpu", image_dim=16, text_dim=16, hidden_dim=16, num_heads=2, num_layers=1, max_state_dim=6, n_obs_steps=4,
        max_rewind_steps=1, frame_gap=2, image_key=camera,
    )  # fmt: skip
    SARMRewardModel(config).save_pretrained(folder)
