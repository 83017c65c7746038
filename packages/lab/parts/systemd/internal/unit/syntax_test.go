package unit

import (
	"slices"
	"strings"
	"testing"
)

func parse(t *testing.T, text string) ([]Entry, []Problem) {
	t.Helper()
	entries, problems, err := Parse(strings.NewReader(text), "x.service")
	if err != nil {
		t.Fatal(err)
	}
	return entries, problems
}

func TestAssignmentsKeepTheirSectionAndLine(t *testing.T) {
	entries, problems := parse(t, "[Unit]\nDescription = A thing \n\n[Service]\nExecStart=/bin/true\n")
	want := []Entry{
		{"Unit", "Description", "A thing", "x.service", 2},
		{"Service", "ExecStart", "/bin/true", "x.service", 5},
	}
	if !slices.Equal(entries, want) || len(problems) != 0 {
		t.Fatalf("got %v, problems %v", entries, problems)
	}
}

func TestABackslashJoinsLinesAndCommentsInBetweenAreLeftOut(t *testing.T) {
	entries, _ := parse(t, "[Service]\nExecStart=/bin/echo a \\\n# no part of it\n; nor this\n  b\nType=oneshot\n")
	if entries[0].Value != "/bin/echo a  b" || entries[0].Line != 2 {
		t.Fatalf("got %+v", entries[0])
	}
	if entries[1].Value != "oneshot" {
		t.Fatalf("got %+v", entries[1])
	}
}

func TestLinesThatMeanNothingAreReportedAndPassedOver(t *testing.T) {
	entries, problems := parse(t, "Early=1\n[Service]\nnonsense\nType=simple\n[Broken\n")
	if len(entries) != 1 || entries[0].Key != "Type" {
		t.Fatalf("got %v", entries)
	}
	if len(problems) != 3 || problems[1].Line != 3 {
		t.Fatalf("got %v", problems)
	}
}
