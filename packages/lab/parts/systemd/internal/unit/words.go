package unit

import (
	"fmt"
	"strconv"
	"strings"
)

// SplitWords cuts a value into words as systemd does: at white space, with '…' and "…" around words or parts of
// words, and C-style escapes.
func SplitWords(value string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord := false
	quote := byte(0)
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '\\':
			decoded, used, err := unescape(value[i+1:])
			if err != nil {
				return nil, fmt.Errorf("in %q: %w", value, err)
			}
			word.WriteString(decoded)
			inWord = true
			i += used
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '\'' || c == '"':
			quote = c
			inWord = true
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("unbalanced quoting in %q", value)
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// unescape decodes what follows a backslash and says how many bytes it took.
func unescape(rest string) (string, int, error) {
	if rest == "" {
		return "", 0, fmt.Errorf("a backslash ends the value")
	}
	simple := map[byte]string{
		'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
		'\\': "\\", '"': "\"", '\'': "'", 's': " ",
	}
	if text, ok := simple[rest[0]]; ok {
		return text, 1, nil
	}
	numeric := func(digits string, base, used int) (string, int, error) {
		n, err := strconv.ParseUint(digits, base, 32)
		if err != nil {
			return "", 0, fmt.Errorf("bad escape \\%s", rest[:used])
		}
		if base == 16 && used > 3 {
			return string(rune(n)), used, nil
		}
		return string([]byte{byte(n)}), used, nil
	}
	switch c := rest[0]; {
	case c == 'x' && len(rest) >= 3:
		return numeric(rest[1:3], 16, 3)
	case c == 'u' && len(rest) >= 5:
		return numeric(rest[1:5], 16, 5)
	case c == 'U' && len(rest) >= 9:
		return numeric(rest[1:9], 16, 9)
	case c >= '0' && c <= '7' && len(rest) >= 3:
		return numeric(rest[:3], 8, 3)
	}
	// systemd keeps an unknown escape as it is; `grep '\.'` in an ExecStart= relies on it.
	return "\\" + rest[:1], 1, nil
}

// ExpandVariables replaces $VAR and ${VAR} in the words of a command line. A word that is just $VAR is split at white
// space into any number of words, ${VAR} stays within its word, $$ is a dollar sign, and an unset variable is empty.
func ExpandVariables(words []string, lookup func(string) string) []string {
	var out []string
	for _, word := range words {
		if strings.HasPrefix(word, "$") && !strings.HasPrefix(word, "$$") && !strings.HasPrefix(word, "${") &&
			variableLength(word[1:]) == len(word)-1 && len(word) > 1 {
			out = append(out, strings.Fields(lookup(word[1:]))...)
			continue
		}
		out = append(out, expandWithin(word, lookup))
	}
	return out
}

func expandWithin(word string, lookup func(string) string) string {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if word[i] != '$' || i+1 == len(word) {
			b.WriteByte(word[i])
			continue
		}
		rest := word[i+1:]
		switch {
		case rest[0] == '$':
			b.WriteByte('$')
			i++
		case rest[0] == '{':
			end := strings.IndexByte(rest, '}')
			if end < 0 {
				b.WriteByte('$')
				continue
			}
			b.WriteString(lookup(rest[1:end]))
			i += end + 1
		case variableLength(rest) > 0:
			n := variableLength(rest)
			b.WriteString(lookup(rest[:n]))
			i += n
		default:
			b.WriteByte('$')
		}
	}
	return b.String()
}

func variableLength(s string) int {
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return i
		}
	}
	return len(s)
}
