package journal

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// Read calls each for every entry of the journal that matches, oldest first.
func Read(matches func(Entry) bool, each func(Entry)) error {
	for _, path := range []string{Older, Path} {
		file, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		_, err = scan(bufio.NewReaderSize(file, 256<<10), matches, each)
		file.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// Tail gives the last n matching entries, oldest first; n < 0 gives all.
func Tail(n int, matches func(Entry) bool) ([]Entry, error) {
	var kept []Entry
	err := Read(matches, func(e Entry) {
		kept = append(kept, e)
		if n >= 0 && len(kept) > 2*n+64 {
			kept = append(kept[:0:0], kept[len(kept)-n:]...)
		}
	})
	if n >= 0 && len(kept) > n {
		kept = kept[len(kept)-n:]
	}
	return kept, err
}

// Follow calls each for every matching entry younger than after, as they are written, until the context ends.
func Follow(ctx context.Context, after int64, matches func(Entry) bool, each func(Entry)) error {
	younger := func(e Entry) bool { return e.Time > after && matches(e) }
	for {
		file, err := os.Open(Path)
		if err != nil {
			return err
		}
		reader := bufio.NewReaderSize(file, 256<<10)
		for {
			rest, err := scan(reader, younger, each)
			if err != nil {
				file.Close()
				return err
			}
			select {
			case <-ctx.Done():
				file.Close()
				return nil
			case <-time.After(100 * time.Millisecond):
			}
			if replaced(file) {
				break
			}
			if rest > 0 { // half a line was there: read it again, whole
				if _, err := file.Seek(-int64(rest), io.SeekCurrent); err != nil {
					file.Close()
					return err
				}
			}
			reader.Reset(file)
		}
		file.Close()
	}
}

func replaced(file *os.File) bool {
	current, err := os.Stat(Path)
	if err != nil {
		return false
	}
	opened, err := file.Stat()
	return err == nil && !os.SameFile(current, opened)
}

// scan reads whole lines to the end and gives the length of an unfinished last one.
func scan(reader *bufio.Reader, matches func(Entry) bool, each func(Entry)) (rest int, err error) {
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return len(line), nil
		}
		if err != nil {
			return 0, err
		}
		var e Entry
		if json.Unmarshal(line, &e) == nil && matches(e) {
			each(e)
		}
	}
}
