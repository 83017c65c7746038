package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func newTestLog(t *testing.T) (*LogFile, func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "0.log")
	moment := time.Date(2026, 11, 23, 8, 0, 0, 120_000_000, time.FixedZone("east", 3600))
	log, err := openLog(path, func() time.Time { return moment })
	if err != nil {
		t.Fatal(err)
	}
	return log, func() string {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
}

func write(t *testing.T, writer *LineWriter, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if _, err := writer.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALineIsLoggedWithTimeInUTCStreamAndTag(t *testing.T) {
	log, content := newTestLog(t)
	write(t, &LineWriter{log: log, stream: "stderr"}, "hello world\n")
	if want, got := "2026-11-23T07:00:00.12Z stderr F hello world\n", content(); got != want {
		t.Errorf("want %q, got %q", want, got)
	}
}

func TestALineIsLoggedOnceItsEndHasCome(t *testing.T) {
	log, content := newTestLog(t)
	writer := &LineWriter{log: log, stream: "stdout"}
	write(t, writer, "a", "b\nc")
	if lines := strings.Split(content(), "\n"); len(lines) != 2 || !strings.HasSuffix(lines[0], " F ab") {
		t.Errorf("unexpected log %q", lines)
	}
	write(t, writer, "\n\n")
	if got := content(); !strings.HasSuffix(got, " F c\n2026-11-23T07:00:00.12Z stdout F \n") {
		t.Errorf("unexpected log %q", got)
	}
}

func TestALongLineIsLoggedInParts(t *testing.T) {
	log, content := newTestLog(t)
	long := strings.Repeat("x", maximumLine)
	write(t, &LineWriter{log: log, stream: "stdout"}, long+"tail", "\n")
	lines := strings.Split(strings.TrimSuffix(content(), "\n"), "\n")
	if len(lines) != 2 || !strings.HasSuffix(lines[0], " P "+long) || !strings.HasSuffix(lines[1], " F tail") {
		t.Errorf("unexpected log of %d lines", len(lines))
	}
}

func TestALineOfExactlyTheLongestLengthIsLoggedWhole(t *testing.T) {
	log, content := newTestLog(t)
	write(t, &LineWriter{log: log, stream: "stdout"}, strings.Repeat("x", maximumLine)+"\n")
	if got := content(); strings.Count(got, "\n") != 1 || !strings.Contains(got, " F x") {
		t.Errorf("unexpected log of %d lines", strings.Count(got, "\n"))
	}
}

func TestALastLineWithoutAnEndIsLoggedWhenTheContainerEnds(t *testing.T) {
	log, content := newTestLog(t)
	writer := &LineWriter{log: log, stream: "stdout"}
	write(t, writer, "no end")
	if content() != "" {
		t.Fatalf("logged too early: %q", content())
	}
	if err := writer.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := content(); !strings.HasSuffix(got, " P no end\n") {
		t.Errorf("unexpected log %q", got)
	}
}

func TestAfterAMoveTheLogGoesOnInANewFile(t *testing.T) {
	log, content := newTestLog(t)
	writer := &LineWriter{log: log, stream: "stdout"}
	write(t, writer, "old\n")
	if err := os.Rename(log.path, log.path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := log.Reopen(); err != nil {
		t.Fatal(err)
	}
	write(t, writer, "new\n")
	if got := content(); !strings.HasSuffix(got, " F new\n") || strings.Contains(got, "old") {
		t.Errorf("unexpected log %q", got)
	}
}
