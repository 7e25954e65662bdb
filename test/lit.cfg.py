# Configuration of the lit tests: run with `ninja check-deepseek`, or `lit build/test -v` after a build.
import os
import shutil
import subprocess

import lit.formats

config.name = "DeepSeek"
config.test_format = lit.formats.ShTest(not os.environ.get("DEEPSEEK_LIT_EXTERNAL_SHELL") == "1")
config.suffixes = [".mlir", ".test", ".json"]
config.excludes = ["unit", "fuzz", "Inputs", "CMakeLists.txt", "lit.cfg.py", "lit.site.cfg.py"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.deepseek_build_dir, "test")

# Our tools come first, then LLVM's (FileCheck, not, split-file).
config.environment["PATH"] = os.pathsep.join(
    [config.deepseek_tools_dir, config.llvm_tools_dir, os.environ.get("PATH", "")])
config.environment["FILECHECK_OPTS"] = "-enable-var-scope"
for name in ("CUDA_HOME", "CUDA_PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

config.substitutions.append(("%source_dir", config.deepseek_source_dir))
config.substitutions.append(("%build_dir", config.deepseek_build_dir))
config.substitutions.append(("%python", config.python))
ptxas = config.deepseek_ptxas if os.path.exists(config.deepseek_ptxas) else shutil.which("ptxas", path=config.environment["PATH"])
config.substitutions.append(("%ptxas", ptxas or "ptxas"))
config.substitutions.append(("%llvm_include", os.path.join(os.path.dirname(config.llvm_tools_dir), "include")))
# The nightly run prints and parses every input once more: DEEPSEEK_OPT_VERIFY_ROUNDTRIP=1.
if os.environ.get("DEEPSEEK_OPT_VERIFY_ROUNDTRIP") == "1":
    config.substitutions.append((r"\bdeepseek-opt\b", "deepseek-opt --verify-roundtrip"))


def gpu_compute_capabilities():
    """Compute capability of each GPU of this machine, such as "9.0"."""
    smi = shutil.which("nvidia-smi")
    if not smi:
        return []
    try:
        out = subprocess.run([smi, "--query-gpu=compute_cap", "--format=csv,noheader"],
                             capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in out.splitlines() if line.strip()]


gpus = gpu_compute_capabilities()
if gpus:
    config.available_features.add("cuda")
if gpus and all(capability == "9.0" for capability in gpus):
    config.available_features.add("sm90")
for count in range(2, len(gpus) + 1):
    config.available_features.add(f"gpus-{count}")
if ptxas:
    config.available_features.add("ptxas")
