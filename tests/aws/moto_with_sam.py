#!/usr/bin/env python3
"""moto's AWS on one port, with two things that `sam deploy` needs of CloudFormation and moto lacks, and one that it
cannot do behind an address of its own:

    python moto_with_sam.py PORT

- the transform `AWS::Serverless-2016-10-31`: SAM's own translator expands a template before moto reads it;
- a stack that a change set makes or changes is made in the order of its parts, and tells its outputs and parameters;
- a template's address in the bucket that SAM made, which is this server's and not amazonaws.com's.

Runs inside the environment that tests/aws/run.py installs.
"""

import json
import sys
import urllib.parse

import cloudformation_parts
import quick_transactions

from moto.cloudformation import models, responses
from moto.s3.models import s3_backends
from moto.server import main
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

SERVERLESS = "AWS::Serverless-2016-10-31"


class NoManagedPolicies:
    """The template names none of AWS's own policies by a short name."""

    def load(self):
        return {}


def expanded(text, parameters):
    """What CloudFormation makes of a template before it makes anything of it."""
    if not isinstance(text, str) or SERVERLESS not in text:
        return text
    template = yaml_parse(text)
    defaults = {name: known["Default"] for name, known in template.get("Parameters", {}).items() if "Default" in known}
    return json.dumps(transform(template, {**defaults, **(parameters or {})}, NoManagedPolicies()))


def expanding(method):
    """A method of the backend that takes `template` and `parameters`."""

    def wrapper(self, *positional, **named):
        named["template"] = expanded(named["template"], named.get("parameters"))
        return method(self, *positional, **named)

    return wrapper


def execute_change_set(self, change_set_name, stack_name=None):
    """Executes a change set as moto makes and changes a stack without one: in the order of what depends on what."""
    change_set = self.describe_change_set(change_set_name)
    stack = self.stacks[change_set.stack_id]
    if change_set.change_set_type == "CREATE":
        stack = models.Stack(
            stack_id=stack.stack_id,
            name=stack.name,
            template=change_set.template,
            parameters=change_set.parameters,
            account_id=self.account_id,
            region_name=self.region_name,
            tags=change_set.tags,
            cross_stack_resources=self.exports,
        )
        self.stacks[stack.stack_id] = stack
        stack._add_stack_event("CREATE_IN_PROGRESS", resource_status_reason="User Initiated")
        stack.create_resources()
    else:
        stack.update(change_set.template, change_set.role_arn, change_set.parameters, change_set.tags)
    change_set.execution_status = "EXECUTE_COMPLETE"


def stored(url, account_id, partition):
    """The text of a template in a bucket: `sam deploy` names it by this server's own address and the bucket's path."""
    bucket, _, key = urllib.parse.urlsplit(url).path.lstrip("/").partition("/")
    return s3_backends[account_id][partition].get_object(bucket, key).value.decode("utf-8")


responses.get_stack_from_s3_url = stored
cloudformation_parts.register()
quick_transactions.register()
backend = models.CloudFormationBackend
for name in ("create_stack", "create_change_set", "update_stack"):
    setattr(backend, name, expanding(getattr(backend, name)))
backend.execute_change_set = execute_change_set

if __name__ == "__main__":
    main(["-H", "127.0.0.1", "-p", sys.argv[1]])
