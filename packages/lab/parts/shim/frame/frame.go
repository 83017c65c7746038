// Package frame is what a container's shim and those who attach to the container say to each other:
// one byte for what it is, four for its length (big endian), then the content.
package frame

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Kind says what a frame's content is.
type Kind byte

const (
	// Input is for the container's standard input.
	Input Kind = iota
	// Output and Errors are from its standard output and standard error.
	Output
	Errors
	// Resize tells its terminal the window's columns and rows, two bytes each.
	Resize
	// InputEnd says that whoever is attached has no more input.
	InputEnd
)

const (
	headerSize = 5
	// maximumSize is far above what either side sends: a larger frame is a mistake.
	maximumSize = 1 << 20
	sizeSize    = 4
)

// Encode returns the frame as it is sent.
func Encode(kind Kind, content []byte) []byte {
	encoded := make([]byte, headerSize, headerSize+len(content))
	encoded[0] = byte(kind)
	binary.BigEndian.PutUint32(encoded[1:], uint32(len(content)))
	return append(encoded, content...)
}

// Read returns the next frame; io.EOF means that there is none.
func Read(reader io.Reader) (Kind, []byte, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(reader, header[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(header[1:])
	if length > maximumSize {
		return 0, nil, fmt.Errorf("a frame of %d bytes", length)
	}
	content := make([]byte, length)
	_, err := io.ReadFull(reader, content)
	return Kind(header[0]), content, err
}

// EncodeSize is the content of a Resize frame.
func EncodeSize(columns, rows uint16) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, columns), rows)
}

// DecodeSize is the reverse of EncodeSize; it reports whether the content is a size.
func DecodeSize(content []byte) (columns, rows uint16, ok bool) {
	if len(content) != sizeSize {
		return 0, 0, false
	}
	return binary.BigEndian.Uint16(content), binary.BigEndian.Uint16(content[2:]), true
}
