// Command crd answers, without a cluster, what the Kubernetes API server would say to the objects it is given.
//
// In come YAML files and the CustomResourceDefinitions that define their kinds; out comes one line for each thing the
// server would refuse. It links the server's own code (strict decoding, structural schemas, CEL rules, the validation of
// built-in kinds, the admission dispatcher), because a restatement of those rules would agree with its author, not with
// the server.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

const usage = `usage:
  crd validate --crds FILE[,FILE] PATH...
      Each PATH is a file, a folder, or an output tree (every folder under PATH/clusters is then one cluster).
  crd admit --crds FILE[,FILE] --policies PATH --object FILE --user NAME [--namespace NAME] [--namespace-label K=V]
            [--operation CREATE|UPDATE|DELETE] [--old FILE] [--group NAME]
      Evaluates the ValidatingAdmissionPolicies and bindings under PATH for one request.

Exit status: 0 all valid or admitted, 1 something invalid or denied, 2 could not run.
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, out, errOut io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(errOut, usage)
		return 2
	}
	switch args[0] {
	case "validate":
		return runValidate(args[1:], out, errOut)
	case "admit":
		return runAdmit(args[1:], out, errOut)
	default:
		fmt.Fprint(errOut, usage)
		return 2
	}
}

func runValidate(args []string, out, errOut io.Writer) int {
	flags := flag.NewFlagSet("validate", flag.ContinueOnError)
	flags.SetOutput(errOut)
	crds := flags.String("crds", "", "files of CustomResourceDefinitions, comma-separated")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() == 0 {
		fmt.Fprint(errOut, usage)
		return 2
	}
	kinds, err := loadKinds(split(*crds))
	if err != nil {
		fmt.Fprintln(errOut, err)
		return 2
	}

	var report report
	for _, path := range flags.Args() {
		trees, err := clusterTrees(path)
		if err != nil {
			fmt.Fprintln(errOut, err)
			return 2
		}
		for _, tree := range trees {
			if err := checkTree(tree, kinds, &report); err != nil {
				fmt.Fprintln(errOut, err)
				return 2
			}
		}
	}
	return report.print(out)
}

// report collects what was found, object by object.
type report struct {
	passed, failed int
	lines          []string
}

// object records the problems of one object; none means it passed.
func (r *report) object(subject string, problems []string) {
	if len(problems) == 0 {
		r.passed++
		return
	}
	r.failed++
	for _, problem := range problems {
		r.lines = append(r.lines, subject+": "+strings.ReplaceAll(problem, "\n", " "))
	}
}

// print writes the findings and the totals. Having seen no object at all is a failure: an empty check proves nothing.
func (r *report) print(out io.Writer) int {
	for _, line := range r.lines {
		fmt.Fprintln(out, line)
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", r.passed, r.failed)
	if r.failed > 0 || r.passed == 0 {
		return 1
	}
	return 0
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
