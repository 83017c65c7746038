package unit

import (
	"slices"
	"testing"
)

func TestWordsAreSplitAsSystemdSplitsThem(t *testing.T) {
	for text, want := range map[string][]string{
		`a  b	c`:                          {"a", "b", "c"},
		`"a b" 'c d'`:                     {"a b", "c d"},
		`"A=b c" D=e`:                     {"A=b c", "D=e"},
		`--x="a b"c`:                      {"--x=a bc"},
		`"" x`:                            {"", "x"},
		`a\x20b \t \"`:                    {"a b", "\t", `"`},
		`grep '\.' "say \"hi\""`:          {"grep", `\.`, `say "hi"`},
		`/bin/sh -c 'echo "$HOME"; exit'`: {"/bin/sh", "-c", `echo "$HOME"; exit`},
	} {
		got, err := SplitWords(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q (%v), want %q", text, got, err, want)
		}
	}
}

func TestUnbalancedQuotesAreAnError(t *testing.T) {
	for _, text := range []string{`"a`, `a 'b c`, `x\`} {
		if got, err := SplitWords(text); err == nil {
			t.Errorf("%s: got %q", text, got)
		}
	}
}

func TestVariablesAreExpandedAsSystemdDoes(t *testing.T) {
	values := map[string]string{"ONE": "1", "MANY": "a b  c", "EMPTY": ""}
	lookup := func(name string) string { return values[name] }
	for _, test := range []struct{ words, want []string }{
		{[]string{"$MANY"}, []string{"a", "b", "c"}},
		{[]string{"${MANY}"}, []string{"a b  c"}},
		{[]string{"x${ONE}y", "-$ONE-"}, []string{"x1y", "-1-"}},
		{[]string{"$EMPTY", "${EMPTY}", "$UNSET"}, []string{""}},
		{[]string{"$$ONE", "a$", "$1"}, []string{"$ONE", "a$", "$1"}},
	} {
		if got := ExpandVariables(test.words, lookup); !slices.Equal(got, test.want) {
			t.Errorf("%q: got %q, want %q", test.words, got, test.want)
		}
	}
}
