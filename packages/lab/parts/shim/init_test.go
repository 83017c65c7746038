package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestAProgramIsFoundInThePathOfItsOwnEnvironment(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	program := filepath.Join(second, "tool")
	if err := os.WriteFile(filepath.Join(first, "tool"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	found, err := findProgram("tool", []string{"PATH=/nowhere", "PATH=" + first + ":" + second})
	if err != nil || found != program {
		t.Errorf("want the executable %s, got %q %v", program, found, err)
	}
	if _, err := findProgram("tool", []string{"HOME=/"}); !errors.Is(err, errNotInPath) {
		t.Errorf("want it not found, got %v", err)
	}
}

func TestANameWithASlashIsTakenAsItIs(t *testing.T) {
	found, err := findProgram("./tool", nil)
	if err != nil || found != "./tool" {
		t.Errorf("got %q %v", found, err)
	}
}

func TestAProcessStartTimeIsStable(t *testing.T) {
	first, err := processStartTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	second, err := processStartTime(os.Getpid())
	if err != nil || first != second || first == "" {
		t.Errorf("got %q and %q, %v", first, second, err)
	}
}

func TestCapabilitiesAreBits(t *testing.T) {
	if mask := capabilityMask([]uint{0, 12, 40}); mask != 1|1<<12|1<<40 {
		t.Errorf("got %b", mask)
	}
}
