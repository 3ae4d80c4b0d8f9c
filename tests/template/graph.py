"""Which resource waits for which, and whether some wait for each other."""

import re

# `${Name}` and `${Name.Attribute}`; `${!Name}` stands for itself.
IN_TEXT = re.compile(r"\$\{([A-Za-z0-9]+)(?:\.[A-Za-z0-9.]+)?\}")


def mentioned(value, known):
    """The names among `known` that a part of a template refers to: by Ref, GetAtt, Sub or DependsOn, anywhere in it. Of a
    choice (`Fn::If`) both sides count: each set of parameters must come up."""
    if isinstance(value, list):
        for item in value:
            yield from mentioned(item, known)
        return
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if key in ("Ref", "Condition"):
            names = [inner] if key == "Ref" else []
        elif key == "Fn::GetAtt":
            names = [inner[0] if isinstance(inner, list) else inner.split(".", 1)[0]]
        elif key == "Fn::Sub":
            pattern, variables = inner if isinstance(inner, list) else (inner, {})
            names = [name for name in IN_TEXT.findall(pattern) if name not in variables]
            yield from mentioned(variables, known)
        elif key == "DependsOn":
            names = inner if isinstance(inner, list) else [inner]
        else:
            names = []
            yield from mentioned(inner, known)
        yield from (name for name in names if isinstance(name, str) and name in known)


def waits(resources):
    """Each resource, and those that must be there before it. UpdatePolicy counts like everything else."""
    return {name: set(mentioned(resource, resources)) - {name} for name, resource in resources.items()}


def circles(resources):
    """Every group of resources that wait for each other: Tarjan's strongly connected components with more than one."""
    edges = waits(resources)
    number, least, stack, found = {}, {}, [], []

    def visit(root):
        # By hand instead of by recursion: a chain may be long.
        work = [(root, iter(sorted(edges[root])))]
        number[root] = least[root] = len(number)
        stack.append(root)
        while work:
            name, others = work[-1]
            for other in others:
                if other not in number:
                    number[other] = least[other] = len(number)
                    stack.append(other)
                    work.append((other, iter(sorted(edges[other]))))
                    break
                if other in stack:
                    least[name] = min(least[name], number[other])
            else:
                work.pop()
                if work:
                    above = work[-1][0]
                    least[above] = min(least[above], least[name])
                if least[name] == number[name]:
                    group = []
                    while not group or group[-1] != name:
                        group.append(stack.pop())
                    if len(group) > 1:
                        found.append(sorted(group))

    for name in sorted(edges):
        if name not in number:
            visit(name)
    return sorted(found)
