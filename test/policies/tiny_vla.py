"""Vision-language-action models of LeRobot, tiny and with random weights, from configurations: nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

WORDS = ("<pad>", "<s>", "</s>", "<unk>", "lift", "the", "red", "cube")


def write_tokenizer(folder: Path) -> None:
    """Write a tokenizer of a few words."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import PreTrainedTokenizerFast

    tokens = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokens.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokens, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)


def xvla_config(folder: Path) -> dict[str, Any]:
    """Return fields of X-VLA's configuration: a Florence-2 of a few numbers."""
    write_tokenizer(folder)
    vision = {
        "depths": [1, 1], "patch_size": [7, 3], "patch_stride": [4, 2], "patch_padding": [3, 1], "patch_prenorm": [False, True],
        "embed_dim": [16, 32], "num_heads": [2, 4], "num_groups": [2, 4], "window_size": 4, "projection_dim": 32,
    }  # fmt: skip
    text = {
        "model_type": "bart", "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "vocab_size": 64,
        "max_position_embeddings": 256, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
        "forced_eos_token_id": 2, "decoder_start_token_id": 2,
    }  # fmt: skip
    return {
        "florence_config": {"vision_config": vision, "text_config": text, "image_token_id": 3}, "tokenizer_name": str(folder),
        "tokenizer_max_length": 8, "hidden_size": 32, "depth": 1, "num_heads": 2, "num_domains": 2, "len_soft_prompts": 2,
        "dim_time": 8, "max_len_seq": 256, "action_mode": "auto", "max_action_dim": 8, "max_state_dim": 8, "chunk_size": 6,
        "n_action_steps": 6, "num_denoising_steps": 2,
    }  # fmt: skip


def shrink_pi(module: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Have lerobot's pi0 or pi0.5, whose sizes are in its code, be small, and return fields of its configuration."""
    from lerobot.processor import tokenizer_processor
    from transformers import AutoTokenizer, GemmaConfig, PaliGemmaConfig, SiglipVisionConfig

    make = module.PaliGemmaForConditionalGenerationWithPiGemma

    def small_paligemma() -> PaliGemmaConfig:
        vision = SiglipVisionConfig(
            hidden_size=32, num_hidden_layers=1, num_attention_heads=2, patch_size=14, image_size=56
        )
        return PaliGemmaConfig(vision_config=vision)

    def make_small(config: PaliGemmaConfig) -> Any:
        config.vision_config.projection_dim, config.vision_config.intermediate_size = 32, 64
        return make(config=config)

    write_tokenizer(folder)
    tiny = module.GemmaConfig(width=32, depth=2, mlp_dim=64, num_heads=2, num_kv_heads=1, head_dim=16)
    monkeypatch.setattr(module, "get_gemma_config", lambda variant: tiny)
    monkeypatch.setattr(module, "PaliGemmaForConditionalGenerationWithPiGemma", make_small)
    monkeypatch.setattr(module, "CONFIG_MAPPING", {"paligemma": small_paligemma, "gemma": GemmaConfig})

    class OwnTokenizer:
        """Gives the small one, whichever is asked for."""

        @staticmethod
        def from_pretrained(name: str, **options: Any) -> Any:
            return AutoTokenizer.from_pretrained(folder, **options)

    monkeypatch.setattr(tokenizer_processor, "AutoTokenizer", OwnTokenizer)
    return {
        "chunk_size": 6, "n_action_steps": 6, "num_inference_steps": 2, "image_resolution": [56, 56], "tokenizer_max_length": 8,
        "max_state_dim": 8, "max_action_dim": 8,
    }  # fmt: skip


def write_clip(folder: Path, positions: int = 8) -> str:
    """Write a CLIP of a few numbers with the tokenizer of a few words, and return its folder; a text has up to `positions` words."""
    from transformers import CLIPConfig, CLIPModel

    write_tokenizer(folder)
    text = {
        "vocab_size": len(WORDS), "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
        "max_position_embeddings": positions, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
    }  # fmt: skip
    vision = {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 32, "patch_size": 16,
    }  # fmt: skip
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)).save_pretrained(folder)
    return str(folder)
