"""Resources that moto's CloudFormation cannot make, and a change set as moto should execute it. For fake_aws.py."""

import secrets
import string

from moto.awslambda.models import lambda_backends
from moto.cloudformation import models, parsing
from moto.core.common_models import CloudFormationModel
from moto.secretsmanager.models import secretsmanager_backends


# moto files its models under the second word of their module's name.
MODULE = "tests.cloudformation"


class Part(CloudFormationModel):
    """A resource of which there is a name and nothing else."""

    __module__ = MODULE

    def __init__(self, name):
        self.name = name

    @property
    def physical_resource_id(self):
        return self.name

    @staticmethod
    def cloudformation_name_type():
        return ""

    @staticmethod
    def cloudformation_type():
        return ""

    @classmethod
    def has_cfn_attr(cls, attr):
        return True

    def get_cfn_attribute(self, attribute_name):
        return f"{self.name}.{attribute_name}"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        return cls(resource_name)

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name
    ):
        return original_resource

    @classmethod
    def delete_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name):
        """Nothing is left of a name."""

    def delete(self, account_id, region_name):
        """Nothing is left of a name."""


class Secret(Part):
    """A secret of Secrets Manager, with a generated value. It is kept, whatever becomes of the stack."""

    __module__ = MODULE

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        length = int(cloudformation_json["Properties"]["GenerateSecretString"]["PasswordLength"])
        value = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))
        backend = secretsmanager_backends[account_id][region_name]
        backend.create_secret(resource_name, value, None, None, [], None, None, [], False)
        return cls(backend.secrets[resource_name].arn)


class Alias(Part):
    """A function's alias."""

    __module__ = MODULE

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        wanted = cloudformation_json["Properties"]
        backend = lambda_backends[account_id][region_name]
        return cls(backend.create_alias(wanted["Name"], wanted["FunctionName"], "$LATEST", "", None).arn)


MADE = {"AWS::SecretsManager::Secret": Secret, "AWS::Lambda::Alias": Alias}


def register(kinds):
    """Makes moto's CloudFormation know these kinds."""
    known = parsing.resource_class_from_type

    def class_of(kind):
        return MADE.get(kind, Part) if kind in kinds else known(kind)

    change = parsing.parse_and_update_resource

    def changed(logical_id, resource_json, resources_map, account_id, region_name):
        # Of a kind that moto cannot change, as tables are, it would forget the resource.
        done = change(logical_id, resource_json, resources_map, account_id=account_id, region_name=region_name)
        return resources_map[logical_id] if done is None else done

    parsing.resource_class_from_type = class_of
    parsing.parse_and_update_resource = changed


def execute_change_set(self, change_set_name, stack_name=None):
    """As moto makes and changes a stack without a change set: in the order of what depends on what."""
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
