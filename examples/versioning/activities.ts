export async function greet(customer: string): Promise<string> {
  return `hello ${customer}`;
}

export async function ship(customer: string): Promise<string> {
  return `shipped to ${customer}`;
}

export async function shipInsured(customer: string): Promise<string> {
  return `shipped to ${customer}, insured`;
}

export async function charge(customer: string): Promise<string> {
  return `charged ${customer}`;
}

export async function chargeInParts(customer: string, parts: number): Promise<string> {
  return `charged ${customer} in ${parts} parts`;
}
