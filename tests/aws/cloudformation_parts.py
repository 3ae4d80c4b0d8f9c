"""Resources of the template that moto's CloudFormation does not make, though moto has most of their services."""

import secrets
import string

from moto.awslambda.models import LambdaVersion, lambda_backends
from moto.core.common_models import CloudFormationModel
from moto.secretsmanager.models import secretsmanager_backends

# moto files its models under the second word of their module's name.
MODULE = "tests.cloudformation"

# What of them other parts of the template need is their name alone.
NAMES_ONLY = [
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::Logs::MetricFilter",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
]


class Part:
    """A resource that is there under a name."""

    def __init__(self, name):
        self.name = name

    @property
    def physical_resource_id(self):
        return self.name

    @staticmethod
    def cloudformation_name_type():
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


class Secret(Part, CloudFormationModel):
    """A secret of Secrets Manager, with a generated value."""

    __module__ = MODULE

    @staticmethod
    def cloudformation_type():
        return "AWS::SecretsManager::Secret"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        length = cloudformation_json["Properties"]["GenerateSecretString"]["PasswordLength"]
        value = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(int(length)))
        backend = secretsmanager_backends[account_id][region_name]
        backend.create_secret(resource_name, value, None, None, [], None, None, [], False)
        return cls(backend.secrets[resource_name].arn)


class Alias(Part, CloudFormationModel):
    """A function's alias. It stays as it was made: moto gives every function one version."""

    __module__ = MODULE

    @staticmethod
    def cloudformation_type():
        return "AWS::Lambda::Alias"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        wanted = cloudformation_json["Properties"]
        backend = lambda_backends[account_id][region_name]
        return cls(backend.create_alias(wanted["Name"], wanted["FunctionName"], "$LATEST", "", None).arn)


# Python forgets a class that nobody holds.
KEPT = []


def register():
    """Makes moto's CloudFormation know them."""
    LambdaVersion.get_cfn_attribute = lambda self, attribute_name: "$LATEST"
    for kind in NAMES_ONLY:
        name = kind.replace("AWS::", "").replace("::", "")
        KEPT.append(type(name, (Part, CloudFormationModel), {"__module__": MODULE, "cloudformation_type": staticmethod(lambda kind=kind: kind)}))
