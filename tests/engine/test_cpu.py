import pytest

from sentimo.engine import cpu
from sentimo.engine.cpu import bf16_instructions, has_avx2, instructions, int8_instructions, processor


@pytest.mark.parametrize(
    ("cpuinfo", "found"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 fma\n", None),
        ("flags\t\t: avx2 avx_vnni\n", "AVX VNNI"),
        ("flags\t\t: avx512_vnni avx512_bf16 amx_int8 amx_tile\n", "AMX"),
        ("Features\t: fp asimd asimddp\n", "ARM dot product"),
        ("Features\t: fp asimd\n", None),
        ("nothing we know\n", None),
    ],
)
def test_the_flags_of_the_processor_tell(tmp_path, cpuinfo, found):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(cpuinfo)

    assert int8_instructions(tmp_path) == found


@pytest.mark.parametrize(
    ("cpuinfo", "found"),
    [("flags: avx2\n", None), ("flags: avx512_bf16\n", "AVX-512 BF16"), ("flags: amx_bf16\n", "AMX")],
)
def test_so_they_do_for_bfloat16(tmp_path, cpuinfo, found):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(cpuinfo)

    assert bf16_instructions(tmp_path) == found


@pytest.mark.parametrize(("cpuinfo", "found"), [("flags: sse4_2 avx\n", False), ("flags: avx avx2\n", True)])
def test_avx2_is_told_apart(tmp_path, cpuinfo, found):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(cpuinfo)

    assert has_avx2(tmp_path) is found


@pytest.mark.parametrize(("machine", "found"), [("arm64", "ARM dot product"), ("x86_64", None)])
def test_without_a_list_of_flags_only_the_processors_of_one_maker_are_known(tmp_path, monkeypatch, machine, found):
    monkeypatch.setattr(cpu.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(cpu.platform, "machine", lambda: machine)

    assert int8_instructions(tmp_path) == found


def test_the_processor_and_its_instructions_are_told(tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("processor\t: 0\nmodel name\t: Fast 9\nflags\t\t: fpu avx_vnni avx2\n")

    assert (processor(tmp_path), instructions(tmp_path)) == ("Fast 9", ["avx2", "avx_vnni"])
