package unit

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Command is one command line of an Exec…= setting. Variables are expanded when it is run, from the environment that
// the unit has then.
type Command struct {
	Path string
	// Args are the words after the path; Argv0 replaces the path as the program's own name (prefix `@`).
	Args           []string
	Argv0          string
	IgnoreFailure  bool // prefix `-`
	Privileged     bool // prefixes `+`, `!` and `!!`: without User=, Group= and the like
	KeepsVariables bool // prefix `:`: $VAR stays as it is
}

// parseCommands reads one Exec…= value; `;` as a word of its own separates commands.
func (u *Unit) parseCommands(value, user, home string) ([]Command, error) {
	words, err := SplitWords(value)
	if err != nil {
		return nil, err
	}
	var commands []Command
	for start := 0; start < len(words); {
		end := start
		for end < len(words) && words[end] != ";" {
			end++
		}
		if end > start {
			command, err := u.parseCommand(words[start:end], user, home)
			if err != nil {
				return nil, err
			}
			commands = append(commands, command)
		}
		start = end + 1
	}
	return commands, nil
}

func (u *Unit) parseCommand(words []string, user, home string) (Command, error) {
	var c Command
	named := false
	path := words[0]
prefixes:
	for path != "" {
		switch path[0] {
		case '-':
			c.IgnoreFailure = true
		case '@':
			named = true
		case ':':
			c.KeepsVariables = true
		case '+', '!':
			c.Privileged = true
		default:
			break prefixes
		}
		path = path[1:]
	}
	path, err := u.Expand(path, user, home)
	if err != nil {
		return c, err
	}
	if path == "" {
		return c, fmt.Errorf("no program in the command line")
	}
	if strings.Contains(path, "/") && !filepath.IsAbs(path) {
		return c, fmt.Errorf("%q is neither an absolute path nor a plain program name", path)
	}
	c.Path, c.Argv0 = path, path
	rest := words[1:]
	if named {
		if len(rest) == 0 {
			return c, fmt.Errorf("the prefix @ needs a second word, the program's own name")
		}
		c.Argv0, rest = rest[0], rest[1:]
	}
	for _, word := range rest {
		if word == `\;` {
			word = ";"
		}
		expanded, err := u.Expand(word, user, home)
		if err != nil {
			return c, err
		}
		c.Args = append(c.Args, expanded)
	}
	return c, nil
}

// Argv is the command with its variables replaced.
func (c Command) Argv(lookup func(string) string) []string {
	words := c.Args
	if !c.KeepsVariables {
		words = ExpandVariables(words, lookup)
	}
	return append([]string{c.Argv0}, words...)
}

func (c Command) String() string { return strings.Join(append([]string{c.Path}, c.Args...), " ") }
