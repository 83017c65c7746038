package unit

import "strings"

// ParseEnvironmentFile reads assignments as EnvironmentFile= takes them: comments start with # or ;, values may be
// quoted as in a shell, a backslash joins lines, and nothing is expanded.
func ParseEnvironmentFile(text string) []string {
	var assignments []string
	for i := 0; i < len(text); {
		// skip to the start of an assignment
		for i < len(text) && strings.IndexByte(" \t\r\n", text[i]) >= 0 {
			i++
		}
		if i == len(text) {
			break
		}
		end := strings.IndexAny(text[i:], "=\n")
		if text[i] == '#' || text[i] == ';' || end < 0 || text[i+end] == '\n' {
			next := strings.IndexByte(text[i:], '\n')
			if next < 0 {
				break
			}
			i += next + 1
			continue
		}
		key := strings.TrimPrefix(strings.TrimSpace(text[i:i+end]), "export ")
		value, used := environmentValue(text[i+end+1:])
		i += end + 1 + used
		if variableLength(key) == len(key) && key != "" {
			assignments = append(assignments, key+"="+value)
		}
	}
	return assignments
}

// environmentValue reads a value up to the end of its line and says how much it took.
func environmentValue(text string) (value string, used int) {
	var b strings.Builder
	blanks := "" // unquoted white space counts only if something follows
	quote := byte(0)
	emit := func(s string) {
		b.WriteString(blanks)
		blanks = ""
		b.WriteString(s)
	}
	i := 0
	for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
		i++
	}
	for ; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(text):
			i++
			switch {
			case text[i] == '\n':
			case quote == '"' && strings.IndexByte("\"\\`$", text[i]) < 0:
				emit("\\" + text[i:i+1])
			default:
				emit(text[i : i+1])
			}
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			emit(text[i : i+1])
		case c == '\'' || c == '"':
			quote = c
			emit("")
		case c == '\n':
			return b.String(), i + 1
		case c == ' ' || c == '\t' || c == '\r':
			blanks += text[i : i+1]
		default:
			emit(text[i : i+1])
		}
	}
	return b.String(), i
}
