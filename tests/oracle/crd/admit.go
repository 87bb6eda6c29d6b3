package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/policy/generic"
	"k8s.io/apiserver/pkg/admission/plugin/policy/matching"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// request is one call to the server, with the namespace it falls into.
type request struct {
	object, old *document
	operation   admission.Operation
	user        string
	groups      []string
	namespace   *corev1.Namespace
}

type repeated []string

func (r *repeated) String() string         { return strings.Join(*r, ",") }
func (r *repeated) Set(value string) error { *r = append(*r, value); return nil }

func runAdmit(args []string, out, errOut io.Writer) int {
	flags := flag.NewFlagSet("admit", flag.ContinueOnError)
	flags.SetOutput(errOut)
	crds := flags.String("crds", "", "files of CustomResourceDefinitions, comma-separated")
	policies := flags.String("policies", "", "file or folder with the policies and their bindings")
	object := flags.String("object", "", "file with the object of the request")
	old := flags.String("old", "", "file with the object as it was; for UPDATE and DELETE the object itself if absent")
	operation := flags.String("operation", "CREATE", "CREATE, UPDATE or DELETE")
	username := flags.String("user", "", "who asks")
	namespace := flags.String("namespace", "", "namespace of the request; the object's own if absent")
	var groups, labels repeated
	flags.Var(&groups, "group", "a group of the user; may be repeated")
	flags.Var(&labels, "namespace-label", "a label of the namespace, key=value; may be repeated")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *policies == "" || *object == "" || *username == "" || flags.NArg() > 0 {
		fmt.Fprint(errOut, usage)
		return 2
	}

	request, err := newRequest(*object, *old, admission.Operation(*operation), *namespace, labels)
	if err != nil {
		fmt.Fprintln(errOut, err)
		return 2
	}
	request.user, request.groups = *username, append(groups, user.AllAuthenticated)
	kinds, err := loadKinds(split(*crds))
	if err != nil {
		fmt.Fprintln(errOut, err)
		return 2
	}
	documents, err := readTree(*policies)
	if err != nil {
		fmt.Fprintln(errOut, err)
		return 2
	}
	hooks, err := hooks(documents)
	if err != nil {
		fmt.Fprintln(errOut, err)
		return 2
	}
	return decide(kinds, hooks, request, out, errOut)
}

func newRequest(object, old string, operation admission.Operation, namespace string, labels []string) (*request, error) {
	r := &request{operation: operation}
	var err error
	if r.object, err = readOne(object); err != nil {
		return nil, err
	}
	if old != "" {
		if r.old, err = readOne(old); err != nil {
			return nil, err
		}
	}
	switch operation {
	case admission.Create:
	case admission.Update, admission.Delete:
		if r.old == nil {
			r.old = r.object
		}
	default:
		return nil, fmt.Errorf("unknown operation %q", operation)
	}
	if namespace == "" {
		u := unstructured.Unstructured{Object: r.object.object}
		namespace = u.GetNamespace()
	}
	r.namespace = &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: namespace,
		// The server sets this label on every namespace.
		Labels: map[string]string{corev1.LabelMetadataName: namespace},
	}}
	for _, label := range labels {
		key, value, found := strings.Cut(label, "=")
		if !found {
			return nil, fmt.Errorf("namespace label %q is not key=value", label)
		}
		r.namespace.Labels[key] = value
	}
	return r, nil
}

func readOne(path string) (*document, error) {
	documents, err := readDocuments(path)
	if err != nil {
		return nil, err
	}
	if len(documents) != 1 {
		return nil, fmt.Errorf("%s: %d objects where one is wanted", path, len(documents))
	}
	return &documents[0], documents[0].err
}

// hooks pairs each policy with its bindings; finding neither would admit everything and prove nothing.
func hooks(documents []document) ([]validating.PolicyHook, error) {
	var found []validating.PolicyHook
	bindings := map[string][]*validating.PolicyBinding{}
	for _, d := range documents {
		if d.err != nil {
			return nil, fmt.Errorf("%s: %w", d.subject(), d.err)
		}
		if d.gvk().Group != admissionv1.GroupName {
			continue
		}
		object, err := decodeBuiltIn(d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.subject(), err)
		}
		switch object := object.(type) {
		case *admissionv1.ValidatingAdmissionPolicy:
			if object.Spec.ParamKind != nil {
				return nil, fmt.Errorf("%s: parameters are not supported here", d.subject())
			}
			found = append(found, validating.PolicyHook{Policy: object, Evaluator: compilePolicy(object)})
		case *admissionv1.ValidatingAdmissionPolicyBinding:
			bindings[object.Spec.PolicyName] = append(bindings[object.Spec.PolicyName], object)
		}
	}
	if len(found) == 0 || len(bindings) == 0 {
		return nil, errors.New("found no ValidatingAdmissionPolicy with a binding")
	}
	for i := range found {
		found[i].Bindings = bindings[found[i].Policy.Name]
	}
	return found, nil
}

// decide hands the request to the server's own dispatcher and prints its verdict.
func decide(kinds *kinds, hooks []validating.PolicyHook, r *request, out, errOut io.Writer) int {
	gvk := r.object.gvk()
	mapping, err := kinds.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		fmt.Fprintln(errOut, err)
		return 2
	}
	namespaces := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	if err := namespaces.Add(r.namespace); err != nil {
		fmt.Fprintln(errOut, err)
		return 2
	}
	// Every namespace there is stands in the lister, so the client is never called; it must only not be nil.
	matcher := matching.NewMatcher(corelisters.NewNamespaceLister(namespaces), &kubernetes.Clientset{})
	dispatcher := validating.NewDispatcher(authorizerfactory.NewAlwaysDenyAuthorizer(), generic.NewPolicyMatcher(matcher))

	warnings := &printedWarnings{out: out}
	ctx := warning.WithWarningRecorder(context.Background(), warnings)
	err = dispatcher.Dispatch(ctx, r.attributes(mapping.Resource, mapping.Scope.Name() == "namespace"), kinds.objectInterfaces(), hooks)
	var status *apierrors.StatusError
	switch {
	case err == nil:
		fmt.Fprintln(out, "admitted")
		return 0
	case errors.As(err, &status):
		fmt.Fprintln(out, "denied: "+status.Error())
		return 1
	default:
		fmt.Fprintln(errOut, err)
		return 2
	}
}

func (r *request) attributes(resource schema.GroupVersionResource, namespaced bool) admission.Attributes {
	var object, old runtime.Object
	name := (&unstructured.Unstructured{Object: r.object.object}).GetName()
	if r.operation != admission.Delete {
		object = &unstructured.Unstructured{Object: r.object.object}
	}
	if r.old != nil {
		old = &unstructured.Unstructured{Object: r.old.object}
	}
	namespace := r.namespace.Name
	if !namespaced {
		namespace = ""
	}
	who := &user.DefaultInfo{Name: r.user, Groups: r.groups}
	return admission.NewAttributesRecord(object, old, r.object.gvk(), namespace, name, resource, "", r.operation, nil, false, who)
}

type printedWarnings struct{ out io.Writer }

func (w *printedWarnings) AddWarning(_, text string) { fmt.Fprintln(w.out, "warning: "+text) }
