package frame

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestFramesAreReadAsTheyWereWritten(t *testing.T) {
	stream := bytes.NewReader(append(Encode(Output, []byte("hello")), Encode(InputEnd, nil)...))
	kind, content, err := Read(stream)
	if err != nil || kind != Output || string(content) != "hello" {
		t.Errorf("got %v %q %v", kind, content, err)
	}
	kind, content, err = Read(stream)
	if err != nil || kind != InputEnd || len(content) != 0 {
		t.Errorf("got %v %q %v", kind, content, err)
	}
	if _, _, err := Read(stream); !errors.Is(err, io.EOF) {
		t.Errorf("want the end, got %v", err)
	}
}

func TestAFrameThatBreaksOffIsNoFrame(t *testing.T) {
	encoded := Encode(Output, []byte("hello"))
	if _, _, err := Read(bytes.NewReader(encoded[:len(encoded)-1])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("want an unexpected end, got %v", err)
	}
}

func TestAnAbsurdLengthIsRefusedBeforeMemoryIsTaken(t *testing.T) {
	if _, _, err := Read(bytes.NewReader([]byte{byte(Output), 0xff, 0xff, 0xff, 0xff})); err == nil {
		t.Error("want an error")
	}
}

func TestASizeSurvivesTheJourney(t *testing.T) {
	columns, rows, ok := DecodeSize(EncodeSize(211, 48))
	if !ok || columns != 211 || rows != 48 {
		t.Errorf("got %d×%d %v", columns, rows, ok)
	}
	if _, _, ok := DecodeSize([]byte{1, 2, 3}); ok {
		t.Error("three bytes are no size")
	}
}
