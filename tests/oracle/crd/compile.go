package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
)

// compilePolicy builds the evaluator of a policy from the server's parts; the server's own assembly of them is private.
func compilePolicy(policy *admissionv1.ValidatingAdmissionPolicy) validating.Validator {
	compiler, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		return validating.NewValidator(nil, nil, nil, nil, policy.Spec.FailurePolicy, err)
	}
	withAuthorizer := cel.OptionalVariableDeclarations{HasAuthorizer: true}
	var variables []cel.NamedExpressionAccessor
	for _, v := range policy.Spec.Variables {
		variables = append(variables, &validating.Variable{Name: v.Name, Expression: v.Expression})
	}
	compiler.CompileAndStoreVariables(variables, withAuthorizer, environment.StoredExpressions)

	var matcher matchconditions.Matcher
	if conditions := policy.Spec.MatchConditions; len(conditions) > 0 {
		accessors := make([]cel.ExpressionAccessor, len(conditions))
		for i := range conditions {
			accessors[i] = (*matchconditions.MatchCondition)(&conditions[i])
		}
		compiled := compiler.CompileCondition(accessors, withAuthorizer, environment.StoredExpressions)
		matcher = matchconditions.NewMatcher(compiled, policy.Spec.FailurePolicy, "policy", "validate", policy.Name)
	}

	validations := make([]cel.ExpressionAccessor, len(policy.Spec.Validations))
	messages := make([]cel.ExpressionAccessor, len(policy.Spec.Validations))
	for i, v := range policy.Spec.Validations {
		validations[i] = &validating.ValidationCondition{Expression: v.Expression, Message: v.Message, Reason: v.Reason}
		if v.MessageExpression != "" {
			messages[i] = &validating.MessageExpressionCondition{MessageExpression: v.MessageExpression}
		}
	}
	annotations := make([]cel.ExpressionAccessor, len(policy.Spec.AuditAnnotations))
	for i, a := range policy.Spec.AuditAnnotations {
		annotations[i] = &validating.AuditAnnotationCondition{Key: a.Key, ValueExpression: a.ValueExpression}
	}
	return validating.NewValidator(
		compiler.CompileCondition(validations, withAuthorizer, environment.StoredExpressions),
		matcher,
		compiler.CompileCondition(annotations, withAuthorizer, environment.StoredExpressions),
		compiler.CompileCondition(messages, cel.OptionalVariableDeclarations{}, environment.StoredExpressions),
		policy.Spec.FailurePolicy,
		nil,
	)
}

// objectInterfaces tells the dispatcher how kinds relate: the versions of one kind are equivalent, and converting between
// them changes only the version, which is how the definitions used here declare it.
func (k *kinds) objectInterfaces() admission.ObjectInterfaces {
	equivalents := runtime.NewEquivalentResourceRegistry()
	add := func(gvk schema.GroupVersionKind) {
		if mapping, err := k.mapper.RESTMapping(gvk.GroupKind(), gvk.Version); err == nil {
			equivalents.RegisterKindFor(mapping.Resource, "", gvk)
		}
	}
	known := append(slices.Collect(maps.Keys(k.custom)), slices.Collect(maps.Keys(builtIns))...)
	// Sorted, so that a request matching several rules is always converted to the same version.
	slices.SortFunc(known, func(a, b schema.GroupVersionKind) int { return strings.Compare(a.String(), b.String()) })
	for _, gvk := range known {
		add(gvk)
	}
	return objectInterfaces{admission.NewObjectInterfacesFromScheme(legacyscheme.Scheme), equivalents}
}

type objectInterfaces struct {
	admission.ObjectInterfaces
	equivalents runtime.EquivalentResourceMapper
}

func (o objectInterfaces) GetObjectCreater() runtime.ObjectCreater { return untyped{} }

func (o objectInterfaces) GetObjectConvertor() runtime.ObjectConvertor {
	return untyped{o.ObjectInterfaces.GetObjectConvertor()}
}

func (o objectInterfaces) GetEquivalentResourceMapper() runtime.EquivalentResourceMapper {
	return o.equivalents
}

// untyped makes and converts objects as plain maps.
type untyped struct{ runtime.ObjectConvertor }

func (untyped) New(gvk schema.GroupVersionKind) (runtime.Object, error) {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(gvk)
	return u, nil
}

func (untyped) Convert(in, out, _ any) error {
	from, fromOK := in.(*unstructured.Unstructured)
	to, toOK := out.(*unstructured.Unstructured)
	if !fromOK || !toOK {
		return fmt.Errorf("cannot convert %T to %T", in, out)
	}
	gvk := to.GroupVersionKind()
	to.Object = runtime.DeepCopyJSON(from.Object)
	to.SetGroupVersionKind(gvk)
	return nil
}
