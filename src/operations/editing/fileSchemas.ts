/** JSON Schemas of the files below `.hpc/` that people write, for completion, hovers and whatever editor reads schemas. */
import { clustersJsonSchema } from '../../cluster/profileSchema.ts';

export type SchemaNode = Readonly<Record<string, unknown>>;

const draft = 'https://json-schema.org/draft/2020-12/schema';
const severity = { type: 'string', enum: ['error', 'warning', 'info'], description: 'How bad it is: an error stops a submission.' };

/** hpc-agent's file: the axes of tasks.py in row-major order. */
export const axesSchema: SchemaNode = {
  $schema: draft,
  title: 'Axes of a sweep (HPC Agent)',
  type: 'object',
  required: ['axes_schema_version', 'axes'],
  additionalProperties: false,
  properties: {
    axes_schema_version: { type: 'integer', enum: [1], description: 'Version of this file’s form.' },
    axes: {
      type: 'array',
      description: 'The axes in row-major order: the last varies fastest. The product of their sizes is the number of tasks.',
      items: {
        type: 'object',
        required: ['name', 'size'],
        additionalProperties: false,
        properties: { name: { type: 'string', description: 'Name of the axis: the parameter that changes along it.' }, size: { type: 'integer', minimum: 1, description: 'How many values it has.' } },
      },
    },
    homogeneous_axes: { type: 'array', items: { type: 'string' }, description: 'Names of axes along which tasks take equally long, so that waves may be cut across them.' },
  },
};

/** hpc-agent's file: what a project knows of its own runs. */
export const playbookSchema: SchemaNode = {
  $schema: draft,
  title: 'Playbook of a project (HPC Agent)',
  type: 'object',
  additionalProperties: false,
  properties: {
    walltime_rules: {
      type: 'array',
      description: 'When a time limit is too short, by the times that earlier tasks took.',
      items: {
        type: 'object',
        required: ['below_quantile'],
        additionalProperties: false,
        properties: {
          below_quantile: { type: 'number', minimum: 0, maximum: 1, description: 'The rule speaks where the time limit is below this quantile of the earlier times, such as 0.95.' },
          severity,
          message: { type: 'string', description: 'What is said then.' },
        },
      },
    },
    known_bad_combinations: {
      type: 'array',
      description: 'A GPU and a kind of work that are known to go wrong together.',
      items: {
        type: 'object',
        required: ['gpu', 'workload_tag', 'severity'],
        additionalProperties: false,
        properties: { gpu: { type: 'string', description: 'GPU type.' }, workload_tag: { type: 'string', description: 'Kind of work, as a submission names it.' }, severity, reason: { type: 'string', description: 'What goes wrong.' } },
      },
    },
  },
};

export type SchemaFile = 'clusters' | 'axes' | 'playbook';

export function fileSchema(file: SchemaFile): SchemaNode {
  return file === 'clusters' ? clustersJsonSchema() : file === 'axes' ? axesSchema : playbookSchema;
}
