package machine

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/internal/programs"
)

// askGPU bounds the program that is asked.
const askGPU = 3 * time.Second

// GPU is the bytes of the largest graphics card that a model can run on; on
// Apple's processors the memory is shared, and two thirds of it count. 0 where
// there is none or it is not known.
func GPU(ctx context.Context) int64 {
	if runtime.GOOS == "darwin" && runtime.GOARCH == "arm64" {
		return Memory() / 3 * 2
	}
	return max(nvidia(ctx), amd("/sys/class/drm"))
}

func nvidia(ctx context.Context) int64 {
	program := programs.Find("nvidia-smi")
	if program == "" {
		return 0
	}
	ctx, stop := context.WithTimeout(ctx, askGPU)
	defer stop()
	out, err := exec.CommandContext(ctx, program, //nolint:gosec // found on PATH
		"--query-gpu=memory.total", "--format=csv,noheader,nounits").Output()
	if err != nil {
		return 0
	}
	return largest(string(out), 1<<20)
}

// amd reads what the kernel reports of cards of more than the few hundred
// megabytes that are a part of the main memory.
func amd(dir string) (most int64) {
	const ofTheMainMemory = 2 << 30
	files, err := filepath.Glob(filepath.Join(dir, "card[0-9]*", "device", "mem_info_vram_total"))
	if err != nil {
		return 0
	}
	for _, file := range files {
		data, err := os.ReadFile(file) //nolint:gosec // the system's
		if n := largest(string(data), 1); err == nil && n > ofTheMainMemory {
			most = max(most, n)
		}
	}
	return most
}

// largest is the largest number of a text with one on each line, times unit.
func largest(text string, unit int64) (most int64) {
	for line := range strings.Lines(text) {
		n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		if err == nil && n > 0 && n < 1<<60/unit {
			most = max(most, n*unit)
		}
	}
	return most
}
